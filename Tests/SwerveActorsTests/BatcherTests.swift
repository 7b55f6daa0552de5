import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import Synchronization
import TestSupport
import Testing

/// Notes what its batched method gets, and holds each batch until it is let go.
private distributed actor Recorder: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Recorder {
        Recorder(actorSystem: actorSystem)
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Recorder>] { [] }
    static let options = BatchOptions(maxBatchSize: 4, waitTimeout: .milliseconds(5), allowedSizes: [1, 3, 4])

    private var batches: [[Int]] = []
    private var contexts: [BatchContext?] = []
    private var shared: [ServeContext?] = []
    private var held: [CheckedContinuation<Void, Never>] = []
    private var holds = false
    private var journal: [String] = []

    init(actorSystem: ServeSystem) {
        self.actorSystem = actorSystem
    }

    func run(batch values: [Int]) async throws -> [Int] {
        batches.append(values)
        journal.append("batch")
        contexts.append(BatchContext.current)
        shared.append(ServeContext.current)
        if holds { await withCheckedContinuation { held.append($0) } }
        try Task.checkCancellation()
        return values.map { $0 * 10 }
    }

    distributed func run(_ value: Int) async throws -> Int {
        let result = try await BatchedCall._run("run(batch:)", on: self, Self.options, value, key: BatchKey()) {
            actor,
            values in
            try await actor.run(batch: values)
        }
        journal.append("result")
        return result
    }

    distributed func other(_ value: Int) async throws -> Int {
        try await BatchedCall._run("other(batch:)", on: self, Self.options, value, key: BatchKey()) { _, values in
            values.map { $0 * 100 }
        }
    }

    func control() -> BatchControl { BatchControl("run(batch:)", of: id, Self.options) }
    func hold() { holds = true }
    func letGo() {
        holds = false
        for continuation in held { continuation.resume() }
        held = []
    }
    func taken() -> [[Int]] { batches }
    func events() -> [String] { journal }
    func lastContext() -> (BatchContext?, ServeContext?) { (contexts.last ?? nil, shared.last ?? nil) }
}

private final class Host: BatchHost {
    let count = Atomic(2)
    let maxOngoingRequests = 100
    var taskExecutor: (any TaskExecutor)? { nil }
    var ongoing: Int { count.load(ordering: .relaxed) }
}

@Suite struct BatcherTests {
    private let clock = ManualLoop()
    /// A table does not keep its replica.
    private let host = Host()
    private let actor: Recorder
    private let table: BatchTable

    init() {
        actor = Recorder(actorSystem: ServeSystem(InstanceID(rawValue: 1), clock: clock, seed: 1))
        guard case .local(let identity) = actor.id.target else { preconditionFailure("the actor is here") }
        table = identity.batches
    }

    private func control() async throws -> BatchControl { try #require(await actor.whenLocal { $0.control() }) }

    private func waits(_ count: Int) async throws {
        let control = try await control()
        try await eventually("\(count) calls wait") { control.waiting == count }
    }

    private func taken(_ count: Int) async throws -> [[Int]] {
        try await eventually("\(count) batches began") { await actor.whenLocal { $0.taken() }?.count == count }
        return try #require(await actor.whenLocal { $0.taken() })
    }

    @Test func `a timer ends the wait, and the results go to their calls`() async throws {
        async let first = actor.run(1)
        try await waits(1)
        async let second = actor.run(2)
        try await waits(2)
        #expect(clock.timerCount == 1)
        clock.advance(by: .milliseconds(5))
        #expect(try await first == 10)
        #expect(try await second == 20)
        // Filled up to an allowed size.
        #expect(try await taken(1) == [[1, 2, 2]])
        #expect(try await control().counters.waited == 1)
        #expect(try await control().counters.repetitions == 1)
    }

    @Test func `nothing waits when all that the replica has admitted is there`() async throws {
        table.attach(host)
        async let first = actor.run(1)
        try await waits(1)
        async let second = actor.run(2)
        #expect(try await first + second == 30)
        #expect(try await control().counters.alone == 1)
        // Another request that is in no batch ends.
        async let third = actor.run(3)
        try await waits(1)
        host.count.store(1, ordering: .relaxed)
        table.requestEnded()
        #expect(try await third == 30)
        #expect(try await control().counters.alone == 2)
        #expect(clock.now == ManualLoop().now)
    }

    @Test func `calls of several methods are alone together`() async throws {
        table.attach(host)
        async let first = actor.run(1)
        try await waits(1)
        #expect(try await actor.other(2) == 200)
        #expect(try await first == 10)
        #expect(clock.now == ManualLoop().now)
    }

    @Test func `a replica that drains waits for nothing`() async throws {
        async let first = actor.run(1)
        try await waits(1)
        table.drain()
        #expect(try await first == 10)
        #expect(try await actor.run(2) == 20)
        #expect(try await control().counters.shutdown == 2)
    }

    @Test func `a batch has the context of its requests`() async throws {
        func run(_ value: Int, _ id: String, in time: Duration?) async throws -> Int {
            try await ServeContext.$current.withValue(ServeContext(requestID: id)) {
                guard let time else { return try await actor.run(value) }
                return try await ServeContext.$clock.withValue(clock) {
                    try await ServeContext.withDeadline(in: time) { try await actor.run(value) }
                }
            }
        }
        async let first = run(1, "one", in: .seconds(3))
        try await waits(1)
        async let second = run(2, "two", in: .seconds(2))
        try await waits(2)
        clock.advance(by: .milliseconds(5))
        #expect(try await first + second == 30)
        let both = try #require(await actor.whenLocal { $0.lastContext() })
        #expect(both.0?.requests.map { $0?.requestID } == ["two", "one"])
        #expect(both.0?.reason == .waited)
        #expect(both.1?.requestID == "two")
        #expect(both.1?.deadline?.time == clock.now - .milliseconds(5) + .seconds(3))
        #expect(both.1?.timeRemaining == nil, "the batch is over")

        async let third = run(3, "three", in: nil)
        try await waits(1)
        clock.advance(by: .milliseconds(5))
        #expect(try await third == 30)
        #expect(await actor.whenLocal { $0.lastContext() }?.1?.deadline == nil)
    }

    @Test func `a deadline that passes while others run fails the call`() async throws {
        await actor.whenLocal { $0.hold() }
        table.drain()
        async let first = actor.run(1)
        _ = try await taken(1)
        let second = Task {
            try await ServeContext.$clock.withValue(clock) {
                try await ServeContext.withDeadline(in: .milliseconds(20)) { try await actor.run(2) }
            }
        }
        try await waits(1)
        clock.advance(by: .milliseconds(20))
        let error = await #expect(throws: ServeError.self) { try await second.value }
        #expect(error?.code == .deadlineExceeded)
        await actor.whenLocal { $0.letGo() }
        #expect(try await first == 10)
        #expect(try await taken(1) == [[1]])
    }

    @Test func `a batch ends when its last caller has left, and not before`() async throws {
        await actor.whenLocal { $0.hold() }
        let calls = (1...2).map { value in Task { try await actor.run(value) } }
        try await waits(2)
        clock.advance(by: .milliseconds(5))
        _ = try await taken(1)
        calls[0].cancel()
        await #expect(throws: CancellationError.self) { try await calls[0].value }
        await actor.whenLocal { $0.letGo() }
        #expect(try await calls[1].value == 20)
    }

    @Test func `when the method computes on the actor, its callers go on before the next batch begins`() async throws {
        await actor.whenLocal { $0.hold() }
        let first = Task { try await actor.run(0) }
        try await waits(1)
        clock.advance(by: .milliseconds(5))
        _ = try await taken(1)
        let calls = (1...8).map { value in Task { try await actor.run(value) } }
        try await waits(8)
        await actor.whenLocal { $0.letGo() }
        for task in [first] + calls { _ = try await task.value }
        let events = try #require(await actor.whenLocal { $0.events() })
        let last = try #require(events.lastIndex(of: "batch"))
        // Those of the second batch; the result of the first may come later.
        #expect(events[..<last].count { $0 == "result" } >= 4, "\(events)")
    }

    @Test func `changed options hold for calls that wait`() async throws {
        let control = try await control()
        async let first = actor.run(1)
        try await waits(1)
        try control.change { $0.waitTimeout = .zero }
        #expect(try await first == 10)
        #expect(control.options.waitTimeout == .zero)
        table.attach(host)
        let error = #expect(throws: ServeError.self) { try control.change { $0.maxConcurrentBatches = 100 } }
        #expect(error?.code == .invalidOptions)
        #expect(control.options.maxConcurrentBatches == 1)
    }
}
