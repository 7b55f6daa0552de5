import SwerveCore
import SwerveRouting
import Testing

/// A router, its random number generator and replicas by number, which keep the tests readable.
final class RouterBench {
    var router: ReplicaRouter
    var generator = SplitMix64(seed: 7)
    var now = MonotonicTime.zero

    init(
        _ replicas: Int...,
        limit: Int = 1,
        maxQueued: Int = 100,
        routing: DeploymentOptions.Routing = .powerOfTwoChoices,
        admission: DeploymentOptions.Admission = .meetingDeadlines
    ) {
        router = ReplicaRouter()
        _ = update(replicas, limit: limit, maxQueued: maxQueued, routing: routing, admission: admission)
    }

    static func id(_ number: Int) -> ReplicaID {
        ReplicaID(deployment: DeploymentID(application: "app", deployment: "D"), number: UInt64(number))
    }

    func update(
        _ replicas: [Int],
        limit: Int = 1,
        limits: [Int: Int] = [:],
        maxQueued: Int = 100,
        routing: DeploymentOptions.Routing = .powerOfTwoChoices,
        admission: DeploymentOptions.Admission = .meetingDeadlines
    ) -> (slots: [Int], assignments: [ReplicaRouter.Assignment]) {
        router.update(
            replicas.map { (id: Self.id($0), limit: limits[$0] ?? limit) },
            options: PoolOptions(maxQueuedRequests: maxQueued, routing: routing, admission: admission),
            using: &generator
        )
    }
    func admit(_ request: RoutingRequest = RoutingRequest()) -> ReplicaRouter.Admission {
        router.admit(request, now: now, using: &generator)
    }
    func admitIfFree() -> Int? { router.admitIfFree(using: &generator) }
    func cancel(_ ticket: ReplicaRouter.Ticket) -> Bool { router.cancel(ticket) }
    func withdraw(_ error: ServeError) -> [ReplicaRouter.Ticket] { router.withdraw(error) }
    func readmit(_ request: RoutingRequest = RoutingRequest()) -> ReplicaRouter.Admission {
        router.readmit(request, now: now, using: &generator)
    }
    func release(_ slot: Int) -> [ReplicaRouter.Assignment] {
        let (first, more) = router.release(slot, now: now, using: &generator)
        return (first.map { [$0] } ?? []) + more
    }
    func refused(_ slot: Int) -> Duration { router.refused(slot, now: now) - now }
    func tick(after duration: Duration) -> [ReplicaRouter.Assignment] {
        let (assignments, expired) = expire(after: duration)
        precondition(expired.isEmpty, "no request of this test has a deadline")
        return assignments
    }
    func expire(after duration: Duration) -> (assignments: [ReplicaRouter.Assignment], expired: [ReplicaRouter.Ticket])
    {
        now = now + duration
        return router.tick(now: now, using: &generator)
    }

    /// Admits a request that must be assigned, and returns its replica.
    func assign(_ request: RoutingRequest = RoutingRequest()) throws -> Int {
        let admission = admit(request)
        guard case .assigned(let slot) = admission, let replica = router.replica(at: slot) else {
            throw Unexpected(admission)
        }
        return Int(replica.number)
    }
    /// Admits a request that must wait.
    func enqueue(_ request: RoutingRequest = RoutingRequest()) throws -> ReplicaRouter.Ticket {
        let admission = admit(request)
        guard case .queued(let ticket, nil) = admission else { throw Unexpected(admission) }
        return ticket
    }
}

struct Unexpected: Error {
    let admission: ReplicaRouter.Admission
    init(_ admission: ReplicaRouter.Admission) {
        self.admission = admission
    }
}

@Suite struct ReplicaRouterTests {
    // MARK: Queue and limits

    @Test func aRequestWaitsWhileThereIsNoReplica() throws {
        let bench = RouterBench()
        let ticket = try bench.enqueue()
        #expect(bench.router.queuedCount == 1)
        #expect(bench.update([1]).assignments == [.init(ticket: ticket, slot: 0)])
        #expect(bench.router.queuedCount == 0)
        #expect(bench.router.ongoing(at: 0) == 1)
    }

    @Test func aReplicaIsGivenItsLimitAndNoMore() throws {
        let bench = RouterBench(1, limit: 3)
        for _ in 0..<3 { _ = try bench.assign() }
        _ = try bench.enqueue()
        #expect(bench.router.ongoing(at: 0) == 3)
        #expect(bench.admitIfFree() == nil)
    }

    @Test func waitingRequestsAreServedInTheOrderOfTheirArrival() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let tickets = try (0..<5).map { _ in try bench.enqueue() }
        var served: [ReplicaRouter.Ticket] = []
        for _ in tickets { served += bench.release(0).map(\.ticket) }
        #expect(served == tickets)
        #expect(bench.release(0).isEmpty)
    }

    @Test func nobodyOvertakesTheQueueWhenAPlaceIsFree() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let waiting = try bench.enqueue()
        #expect(bench.release(0) == [.init(ticket: waiting, slot: 0)])
        #expect(bench.admitIfFree() == nil)
        _ = try bench.enqueue()
    }

    @Test func oneRequestMoreThanTheQueueHoldsIsRefused() throws {
        let bench = RouterBench(1, maxQueued: 2)
        _ = try bench.assign()
        let first = try bench.enqueue()
        _ = try bench.enqueue()
        guard case .refused(let error) = bench.admit() else { throw Unexpected(bench.admit()) }
        #expect(error.code == .queueFull)
        #expect(error.message.contains("2"))
        #expect(bench.cancel(first))
        _ = try bench.enqueue()
    }

    @Test func aQueueOfNothingStillTakesWhatAReplicaCanTakeAtOnce() throws {
        let bench = RouterBench(1, maxQueued: 0)
        #expect(try bench.assign() == 1)
        guard case .refused = bench.admit() else { throw Unexpected(bench.admit()) }
    }

    // MARK: Cancelling

    @Test func aCancelledTicketIsPassedOver() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let first = try bench.enqueue()
        let second = try bench.enqueue()
        #expect(bench.cancel(first))
        #expect(bench.router.queuedCount == 1)
        #expect(bench.release(0) == [.init(ticket: second, slot: 0)])
    }

    @Test func aTicketThatWasAssignedCannotBeCancelled() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let ticket = try bench.enqueue()
        _ = bench.release(0)
        #expect(!bench.cancel(ticket))
        #expect(bench.router.ongoing(at: 0) == 1)
    }

    @Test func aTicketIsCancelledOnce() throws {
        let bench = RouterBench()
        let ticket = try bench.enqueue()
        #expect(bench.cancel(ticket))
        #expect(!bench.cancel(ticket))
        #expect(bench.router.queuedCount == 0)
    }

    @Test func theOrderSurvivesMassCancellation() throws {
        let bench = RouterBench(maxQueued: 1000)
        let tickets = try (0..<300).map { _ in try bench.enqueue() }
        for (index, ticket) in tickets.enumerated() where index % 10 != 0 { #expect(bench.cancel(ticket)) }
        let kept = tickets.enumerated().filter { $0.offset % 10 == 0 }.map(\.element)
        #expect(bench.update([1], limit: 1000).assignments.map(\.ticket) == kept)
    }

    // MARK: Choosing

    @Test func powerOfTwoPrefersTheLessLoadedOfTwo() throws {
        let bench = RouterBench(1, 2, limit: 10)
        // With two replicas both are always compared, so their loads never differ by more than one.
        for _ in 0..<20 {
            _ = try bench.assign()
            #expect(abs(bench.router.ongoing(at: 0) - bench.router.ongoing(at: 1)) <= 1)
        }
        for _ in 0..<6 { _ = bench.release(0) }
        for _ in 0..<6 { #expect(try bench.assign() == 1) }
    }

    @Test func powerOfTwoSpreadsOverManyReplicas() throws {
        let bench = RouterBench(1, 2, 3, 4, 5, 6, 7, 8, limit: 100)
        for _ in 0..<400 { _ = try bench.assign() }
        for slot in 0..<8 { #expect((44...56).contains(bench.router.ongoing(at: slot)), "slot \(slot)") }
    }

    @Test func theLastFreePlaceOfManyIsFound() throws {
        let bench = RouterBench(1, 2, 3, 4, 5, 6, 7, 8)
        var used: Set<Int> = []
        for _ in 0..<8 { #expect(used.insert(try bench.assign()).inserted) }
        _ = try bench.enqueue()
    }

    @Test func roundRobinTakesEachInTurn() throws {
        let bench = RouterBench(1, 2, 3, limit: 10, routing: .roundRobin)
        #expect(try (0..<7).map { _ in try bench.assign() } == [1, 2, 3, 1, 2, 3, 1])
    }

    @Test func roundRobinPassesOverAFullReplica() throws {
        let bench = RouterBench(1, 2, 3, limit: 2, routing: .roundRobin)
        #expect(try (0..<6).map { _ in try bench.assign() } == [1, 2, 3, 1, 2, 3])
        _ = bench.release(1)
        #expect(try bench.assign() == 2)
        _ = bench.release(0)
        _ = bench.release(2)
        #expect(try [bench.assign(), bench.assign()] == [3, 1])
    }

    // MARK: Refusals

    @Test func aReplicaThatRefusedIsLeftAloneUntilItsPauseEnds() throws {
        let bench = RouterBench(1, limit: 5)
        _ = try bench.assign()
        #expect(bench.refused(0) == ReplicaRouter.refusalPauseMinimum)
        #expect(bench.router.ongoing(at: 0) == 0)
        let ticket = try bench.enqueue()
        #expect(bench.tick(after: .microseconds(999)).isEmpty)
        #expect(bench.tick(after: .microseconds(1)) == [.init(ticket: ticket, slot: 0)])
    }

    @Test func refusalsInARowDoubleThePauseUpToAMaximum() throws {
        let bench = RouterBench(1)
        var pauses: [Duration] = []
        for _ in 0..<9 {
            _ = try bench.assign()
            let pause = bench.refused(0)
            pauses.append(pause)
            #expect(bench.router.nextWakeUp == bench.now + pause)
            _ = bench.tick(after: pause)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 64, 64].map { .milliseconds($0) })
        #expect(bench.router.nextWakeUp == nil)
    }

    @Test func aRequestThatEndsProvesTheReplicaUsableAgain() throws {
        let bench = RouterBench(1, limit: 2)
        _ = try bench.assign()
        _ = try bench.assign()
        _ = bench.refused(0)
        #expect(bench.release(0).isEmpty)
        #expect(bench.router.nextWakeUp == nil)
        _ = try bench.assign()
        #expect(bench.refused(0) == ReplicaRouter.refusalPauseMinimum)
    }

    /// The end of a pause frees all places of the replica, not only the one that was released.
    @Test func theEndOfAPauseServesAsManyAsThereArePlaces() throws {
        let bench = RouterBench(1, limit: 3)
        for _ in 0..<3 { _ = try bench.assign() }
        _ = bench.refused(0)
        let tickets = try (0..<4).map { _ in try bench.enqueue() }
        #expect(bench.release(0).map(\.ticket) == Array(tickets[..<2]))
        #expect(bench.router.ongoing(at: 0) == 3)
    }

    @Test func otherReplicasServeWhileOneIsPaused() throws {
        for routing in [DeploymentOptions.Routing.powerOfTwoChoices, .roundRobin] {
            let bench = RouterBench(1, 2, limit: 10, routing: routing)
            while true {
                let replica = try bench.assign()
                if replica == 1 { break }
            }
            _ = bench.refused(0)
            for _ in 0..<5 { #expect(try bench.assign() == 2) }
        }
    }

    @Test func aReadmittedRequestGoesFirst() throws {
        let bench = RouterBench(1, maxQueued: 1)
        _ = try bench.assign()
        let later = try bench.enqueue()
        _ = bench.refused(0)
        guard case .queued(let first, nil) = bench.readmit() else { throw Unexpected(bench.admit()) }
        guard case .queued(let evenBefore, nil) = bench.readmit() else { throw Unexpected(bench.admit()) }
        #expect(bench.router.queuedCount == 3)
        let expected = [evenBefore, first, later]
        var served = bench.tick(after: .milliseconds(1)).map(\.ticket)
        for _ in 0..<2 { served += bench.release(0).map(\.ticket) }
        #expect(served == expected)
    }

    @Test func aReadmittedRequestTakesAFreeReplicaAtOnce() throws {
        let bench = RouterBench(1, 2)
        _ = try bench.assign()
        guard case .assigned = bench.readmit() else { throw Unexpected(bench.admit()) }
    }

    // MARK: The replica set

    @Test func slotsComeInTheOrderOfTheSetAndStay() throws {
        let bench = RouterBench(1, 2)
        #expect(bench.update([2, 1]).slots == [1, 0])
        #expect(bench.update([1, 3, 2]).slots == [0, 2, 1])
    }

    @Test func aReplicaThatLeftGetsNothingButKeepsItsSlotUntilItsLeasesAreBack() throws {
        let bench = RouterBench(1, limit: 2)
        _ = try bench.assign()
        _ = try bench.assign()
        #expect(bench.update([2], limit: 2).slots == [1])
        for _ in 0..<2 { #expect(try bench.assign() == 2) }
        let ticket = try bench.enqueue()
        #expect(bench.release(0).isEmpty)
        #expect(bench.router.replica(at: 0) == RouterBench.id(1))
        #expect(bench.release(0).isEmpty)
        #expect(bench.router.replica(at: 0) == nil)
        #expect(bench.release(1) == [.init(ticket: ticket, slot: 1)])
    }

    @Test func aFreedSlotIsUsedAgain() throws {
        let bench = RouterBench(1)
        #expect(bench.update([]).slots == [])
        #expect(bench.update([2]).slots == [0])
        #expect(try bench.assign() == 2)
    }

    @Test func aReplicaThatComesBackStillCountsItsLeases() throws {
        let bench = RouterBench(1, limit: 2)
        _ = try bench.assign()
        _ = bench.update([], limit: 2)
        #expect(bench.update([1], limit: 2).slots == [0])
        _ = try bench.assign()
        _ = try bench.enqueue()
    }

    @Test func aHigherLimitServesThoseWhoWait() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let tickets = try (0..<3).map { _ in try bench.enqueue() }
        #expect(bench.update([1], limit: 3).assignments.map(\.ticket) == Array(tickets[..<2]))
    }

    @Test func aLowerLimitHoldsForWhatComesNext() throws {
        let bench = RouterBench(1, limit: 3)
        for _ in 0..<3 { _ = try bench.assign() }
        _ = bench.update([1], limit: 1)
        let ticket = try bench.enqueue()
        #expect(bench.release(0).isEmpty)
        #expect(bench.release(0).isEmpty)
        #expect(bench.release(0) == [.init(ticket: ticket, slot: 0)])
    }

    @Test func eachReplicaHasALimitOfItsOwn() throws {
        let bench = RouterBench()
        _ = bench.update([1, 2], limits: [1: 1, 2: 3])
        let served = try (0..<4).map { _ in try bench.assign() }
        #expect(served.sorted() == [1, 2, 2, 2])
        let tickets = try (0..<2).map { _ in try bench.enqueue() }
        #expect(bench.update([1, 2], limits: [1: 2, 2: 3]).assignments == [.init(ticket: tickets[0], slot: 0)])
    }

    @Test func aReplicaKnownToBeGoneGetsNothing() throws {
        let bench = RouterBench(1, 2, limit: 10)
        _ = try bench.assign()
        bench.router.leave(RouterBench.id(1))
        for _ in 0..<5 { #expect(try bench.assign() == 2) }
        bench.router.leave(RouterBench.id(1))
        bench.router.leave(RouterBench.id(9))
    }

    @Test func aWithdrawalFailsAllWhoWaitInOrderAndAllWhoCome() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let tickets = try (0..<3).map { _ in try bench.enqueue() }
        #expect(bench.cancel(tickets[1]))
        let error = ServeError(.deleted, "gone")
        #expect(bench.withdraw(error) == [tickets[0], tickets[2]])
        #expect(bench.admit() == .refused(error))
        #expect(bench.readmit() == .refused(error))
        #expect(bench.admitIfFree() == nil)
        #expect(bench.release(0).isEmpty)
        #expect(bench.router.replica(at: 0) == nil)
    }

    @Test func aNewSetEndsAWithdrawal() throws {
        let bench = RouterBench(1)
        _ = bench.withdraw(ServeError(.deleted, "gone"))
        _ = bench.update([2])
        #expect(try bench.assign() == 2)
    }

    @Test func releasingALeaseTwiceIsABugThatStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let bench = RouterBench(1)
            _ = try bench.assign()
            _ = bench.release(0)
            _ = bench.release(0)
        }
    }
}
