import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveTransport
import Synchronization
import TestSupport
import Testing

private distributed actor Doubler: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Doubler {
        Doubler(actorSystem: actorSystem)
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Doubler>] { [] }
    static let options = BatchOptions(waitTimeout: .zero)

    init(actorSystem: ServeSystem) {
        self.actorSystem = actorSystem
    }

    distributed func double(_ value: Int) async throws -> Int {
        try await BatchedCall._run("double(batch:)", on: self, Self.options, value, key: BatchKey()) { _, values in
            values.map { $0 * 2 }
        }
    }
}

/// What a process tells the controller about batched calls, and when.
@Suite struct BatchReporterTests {
    private let loop = ManualLoop()
    private let reporter: BatchReporter
    private let actor: Doubler
    private let table: BatchTable
    private let replica = ReplicaID(deployment: DeploymentID(application: "a", deployment: "D"), number: 1)
    private let reports = Reports()

    private final class Reports: Sendable {
        private let all = Mutex<[[String: BatchCounters]]>([])
        func add(_ counters: [String: BatchCounters]) { all.withLock { $0.append(counters) } }
        /// The numbers of items that were reported since the last call.
        func take() -> [Int] {
            all.withLock { all in
                defer { all = [] }
                return all.map { $0["double(batch:)"]?.items ?? 0 }
            }
        }
    }

    init() {
        reporter = BatchReporter(clock: loop)
        actor = Doubler(actorSystem: ServeSystem(InstanceID(rawValue: 1), clock: loop, seed: 1))
        guard case .local(let identity) = actor.id.target else { preconditionFailure("the actor is here") }
        table = identity.batches
        let reports = reports
        reporter.report { reports.add($1) }
    }

    @Test func `a replica without calls is reported once, and nothing more happens`() {
        reporter.add(replica, table)
        loop.run()
        #expect(reports.take() == [0])
        loop.advance(by: .seconds(10))
        #expect(loop.timerCount == 0)
        #expect(reports.take() == [])
    }

    @Test func `the first call is reported at once, and those that follow once in a second`() async throws {
        reporter.add(replica, table)
        loop.run()
        loop.advance(by: .seconds(10))
        _ = reports.take()
        #expect(try await actor.double(1) == 2)
        loop.run()
        #expect(reports.take() == [1])
        for value in 0..<5 { _ = try await actor.double(value) }
        loop.run()
        loop.advance(by: .milliseconds(999))
        #expect(reports.take() == [])
        loop.advance(by: .milliseconds(1))
        #expect(reports.take() == [6])
        _ = try await actor.double(1)
        loop.advance(by: .seconds(1))
        #expect(reports.take() == [7])
        loop.advance(by: .seconds(1))
        #expect(loop.timerCount == 0, "nothing happens while nothing changes")
    }

    @Test func `calls before the replica was added are reported with it`() async throws {
        _ = try await actor.double(1)
        reporter.add(replica, table)
        loop.run()
        #expect(reports.take() == [1])
    }

    @Test func `a replica that was removed is not reported`() async throws {
        reporter.add(replica, table)
        reporter.remove(replica)
        _ = try await actor.double(1)
        loop.run()
        loop.advance(by: .seconds(1))
        #expect(reports.take() == [])
        #expect(loop.timerCount == 0)
    }
}
