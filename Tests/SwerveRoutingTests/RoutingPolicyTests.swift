import SwerveCore
import SwerveRouting
import Testing

/// Sends a request to the replica with the number that its session names, and lets any other request wait.
struct ByName: RoutingPolicy {
    func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        replicas.firstIndex { "\($0.id.number)" == request.sessionKey }
    }
}

/// Takes two requests of each session.
struct TwoEach: AdmissionPolicy {
    private var counts: [String: Int] = [:]

    mutating func decide(_ context: AdmissionContext) -> AdmissionDecision {
        let key = context.request.sessionKey ?? ""
        counts[key, default: 0] += 1
        return counts[key]! <= 2 ? .admit : .tooManyRequests("two are enough", retryAfter: .seconds(7))
    }
}

@Suite struct RoutingPolicyTests {
    @Test func `the least loaded replica gets the request`() throws {
        let bench = RouterBench(1, 2, 3, limit: 10, routing: .leastLoaded)
        #expect(try (0..<6).map { _ in try bench.assign() } == [1, 2, 3, 1, 2, 3])
        _ = bench.release(1)
        #expect(try bench.assign() == 2)
    }

    @Test func `a session stays with its replica`() throws {
        let bench = RouterBench(1, 2, 3, 4, limit: 100, routing: .consistentHash)
        var homes: Set<Int> = []
        for session in 0..<40 {
            let request = RoutingRequest(sessionKey: "session \(session)")
            let home = try bench.assign(request)
            homes.insert(home)
            _ = bench.release(home - 1)
            for _ in 0..<5 {
                #expect(try bench.assign(request) == home)
                _ = bench.release(home - 1)
            }
        }
        #expect(homes == [1, 2, 3, 4])
    }

    @Test func `a replica that leaves moves only its own sessions`() throws {
        let bench = RouterBench(1, 2, 3, 4, limit: 100, routing: .consistentHash)
        func homes() throws -> [Int] {
            try (0..<200).map { session in
                let admission = bench.admit(RoutingRequest(sessionKey: "session \(session)"))
                guard case .assigned(let slot) = admission else { throw Unexpected(admission) }
                let home = bench.router.replica(at: slot)!.number
                _ = bench.release(slot)
                return Int(home)
            }
        }
        let before = try homes()
        _ = bench.update([1, 2, 4], limit: 100, routing: .consistentHash)
        let after = try homes()
        for (old, new) in zip(before, after) { #expect(old == 3 ? new != 3 : new == old) }
        _ = bench.update([1, 2, 3, 4], limit: 100, routing: .consistentHash)
        #expect(try homes() == before)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `no replica gets much more than its share from sessions`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let count = 2 + random.next(below: 8)
        let bench = RouterBench(limit: 1000)
        _ = bench.update(Array(1...count), limit: 1000, routing: .consistentHash)
        var leases: [Int] = []
        for _ in 0..<5000 {
            if random.next(below: 5) < 2, !leases.isEmpty {
                _ = bench.release(leases.remove(at: random.next(below: leases.count)))
                continue
            }
            // Few sessions, so that one replica alone would get most of the load.
            let request = RoutingRequest(sessionKey: "\(random.next(below: 3))")
            let before = bench.router.ongoingCount
            guard case .assigned(let slot) = bench.admit(request) else { throw Unexpected(bench.admit(request)) }
            leases.append(slot)
            #expect(bench.router.ongoing(at: slot) <= ConsistentHash.bound(ongoing: before, replicas: count))
        }
    }

    @Test func `a full replica's session goes elsewhere and comes back`() throws {
        let bench = RouterBench(1, 2, 3, limit: 2, routing: .consistentHash)
        let request = RoutingRequest(sessionKey: "s")
        let home = try bench.assign(request)
        #expect(try bench.assign(request) == home)
        #expect(try bench.assign(request) != home)
        _ = bench.release(home - 1)
        #expect(try bench.assign(request) == home)
    }

    @Test func `a policy of the program chooses`() throws {
        let bench = RouterBench(1, 2, 3, limit: 1, routing: .type(ByName.self))
        #expect(try bench.assign(RoutingRequest(sessionKey: "2")) == 2)
        // The chosen one has no room: the request goes to another one.
        #expect(try bench.assign(RoutingRequest(sessionKey: "2")) == 1)
        #expect(bench.admitIfFree() == nil)
        let waiting = try bench.enqueue(RoutingRequest(sessionKey: "other"))
        #expect(bench.release(1).isEmpty)
        #expect(bench.cancel(waiting))
        #expect(try bench.assign(RoutingRequest(sessionKey: "3")) == 3)
    }

    @Test func `a policy of the program refuses`() throws {
        let bench = RouterBench(1, limit: 10, admission: .type(TwoEach.self))
        let request = RoutingRequest(sessionKey: "s")
        for _ in 0..<2 { _ = try bench.assign(request) }
        let refusal = ServeError(.tooManyRequests, "two are enough", retryAfter: .seconds(7))
        #expect(bench.admit(request) == .refused(refusal))
        _ = try bench.assign(RoutingRequest(sessionKey: "t"))
    }

    @Test func `a policy that the program does not have is refused at deploy`() throws {
        struct Local: RoutingPolicy {
            func choose(
                among replicas: [RoutingReplica],
                for request: RoutingRequest,
                using generator: inout SplitMix64
            ) -> Int? { nil }
        }
        try DeploymentOptions(routing: .type(ByName.self), admission: .type(TwoEach.self)).validate(deployment: "D")
        let error = #expect(throws: ServeError.self) {
            try DeploymentOptions(routing: .type(Local.self)).validate(deployment: "D")
        }
        #expect(error?.message.contains("this program has no policy 'Local'") == true)
    }

    // MARK: Priorities, deadlines and estimates in the router

    @Test func `an urgent request takes the place of one that can wait`() throws {
        let bench = RouterBench(1, maxQueued: 2)
        _ = try bench.assign()
        let low = try bench.enqueue(RoutingRequest(priority: .low))
        let normal = try bench.enqueue()
        let admission = bench.admit(RoutingRequest(priority: .high))
        guard case .queued(let high, let displaced) = admission else { throw Unexpected(admission) }
        #expect(displaced == low)
        #expect(!bench.cancel(low))
        guard case .refused(let error) = bench.admit(RoutingRequest(priority: .low)) else {
            throw Unexpected(admission)
        }
        #expect(error.code == .queueFull)
        #expect(bench.release(0).map(\.ticket) + bench.release(0).map(\.ticket) == [high, normal])
    }

    @Test func `a request leaves the queue at its deadline`() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        let ticket = try bench.enqueue(RoutingRequest(deadline: bench.now + .seconds(2)))
        let other = try bench.enqueue()
        #expect(bench.router.nextWakeUp == bench.now + .seconds(2))
        #expect(bench.expire(after: .seconds(1)).expired.isEmpty)
        let (assignments, expired) = bench.expire(after: .seconds(1))
        #expect(assignments.isEmpty && expired == [ticket])
        #expect(bench.router.nextWakeUp == nil)
        #expect(bench.release(0).map(\.ticket) == [other])
        #expect(bench.admit(RoutingRequest(deadline: bench.now)) == .refused(ReplicaRouter.deadlinePassed))
    }

    @Test func `a request that cannot be answered in time is refused at once`() throws {
        let bench = RouterBench(1)
        _ = try bench.assign()
        for _ in 0..<20 {
            _ = try bench.enqueue()
            bench.now = bench.now + .seconds(1)
            #expect(bench.release(0).count == 1)
        }
        func deadline(_ seconds: Double) -> RoutingRequest { RoutingRequest(deadline: bench.now + .seconds(seconds)) }
        // It would wait for one request, and then take as long itself.
        guard case .refused(let error) = bench.admit(deadline(1.5)) else { throw Unexpected(bench.admit()) }
        #expect(error.code == .overloaded)
        #expect(
            error.message
                == "the request would take about 2.000 s and must be answered in 1.500 s, because 0 others wait"
        )
        #expect(error.retryAfter == .milliseconds(500))
        _ = try bench.enqueue(deadline(2.1))
        guard case .refused = bench.admit(deadline(2.1)) else { throw Unexpected(bench.admit()) }
        // Urgent requests need not wait for the others.
        let urgent = RoutingRequest(priority: .high, deadline: bench.now + .seconds(2.1))
        _ = try bench.enqueue(urgent)
        _ = bench.update([1], routing: .powerOfTwoChoices, admission: .all)
        _ = try bench.enqueue(deadline(0.1))
    }
}

/// A replica of the process itself, to which its requests go first.
@Suite struct PreferredReplicaTests {
    private func bench(_ routing: DeploymentOptions.Routing = .powerOfTwoChoices) -> RouterBench {
        let bench = RouterBench(1, 2, 3, limit: 2, routing: routing)
        bench.router.prefer(RouterBench.id(2))
        return bench
    }

    private func number(_ bench: RouterBench, _ slot: Int?) -> UInt64? {
        slot.flatMap { bench.router.replica(at: $0)?.number }
    }

    @Test func `requests go to it as long as it has room, then to the others, then they wait`() {
        let bench = bench()
        let slots = (0..<6).map { _ in bench.admitIfFree() }
        #expect(slots[..<2].map { number(bench, $0) } == [2, 2])
        #expect(slots[2...].compactMap { number(bench, $0) }.sorted() == [1, 1, 3, 3])
        #expect(bench.admitIfFree() == nil)
    }

    @Test func `a pause after a refusal sends requests to the others`() throws {
        let bench = bench()
        let slot = try #require(bench.admitIfFree())
        _ = bench.refused(slot)
        #expect(number(bench, bench.admitIfFree()) != 2)
        _ = bench.tick(after: .milliseconds(2))
        #expect(number(bench, bench.admitIfFree()) == 2)
    }

    @Test func `it is preferred again when it comes back into the set, and not while it is out of it`() {
        let bench = bench()
        _ = bench.update([1, 3], limit: 2)
        #expect((0..<4).compactMap { _ in number(bench, bench.admitIfFree()) }.sorted() == [1, 1, 3, 3])
        _ = bench.update([1, 2, 3], limit: 9)
        #expect((0..<9).allSatisfy { _ in number(bench, bench.admitIfFree()) == 2 })
    }

    @Test(arguments: [DeploymentOptions.Routing.roundRobin, .leastLoaded])
    func `a policy that was chosen decides`(_ routing: DeploymentOptions.Routing) {
        let bench = bench(routing)
        let three = (0..<3).compactMap { _ in number(bench, bench.admitIfFree()) }
        #expect(Set(three) == [1, 2, 3])
    }
}
