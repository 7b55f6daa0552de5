import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveReplica
import Synchronization
import TestSupport
import Testing

private struct Sick: Error, CustomStringConvertible {
    var description: String { "the model is lost" }
}

private final class Vitals: Sendable {
    let isSick = Mutex(false)
    let config = Mutex<[Int]>([])
}

/// A deployment whose health the test decides.
private distributed actor Patient: Reconfigurable {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    typealias UserConfig = Int
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Patient {
        Patient(Vitals())
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Patient>] { [] }

    private let vitals: Vitals

    init(_ vitals: Vitals) {
        self.actorSystem = .ofNewActor
        self.vitals = vitals
    }

    func checkHealth() async throws {
        if vitals.isSick.withLock({ $0 }) { throw Sick() }
    }

    func reconfigure(_ config: Int) async throws {
        vitals.config.withLock { $0.append(config) }
        if config < 0 { throw Sick() }
    }
}

@Suite struct ReplicaHealthTests {
    private typealias Reports = AsyncStream<ReplicaHealth.Report>

    private static let id = ReplicaID(deployment: DeploymentID(application: "health", deployment: "Patient"), number: 1)

    private func replica(_ vitals: Vitals) -> HostedReplica {
        HostedReplica(id: Self.id, actor: Patient(vitals), limit: 2)
    }

    @Test func `a healthy replica reports only that it is alive`() async {
        let (vitals, (reports, sink)) = (Vitals(), Reports.makeStream())
        let replica = replica(vitals)
        replica.probe { sink.yield($0) }
        var next = reports.makeAsyncIterator()
        #expect(await next.next() == .alive)
    }

    @Test func `a failed check reports the error, and the next that passes reports that`() async {
        let (vitals, (reports, sink)) = (Vitals(), Reports.makeStream())
        let replica = replica(vitals)
        var next = reports.filter { $0 != .alive }.makeAsyncIterator()
        vitals.isSick.withLock { $0 = true }
        replica.probe { sink.yield($0) }
        #expect(await next.next() == .failed(message: "the model is lost"))
        vitals.isSick.withLock { $0 = false }
        replica.probe { sink.yield($0) }
        #expect(await next.next() == .passed)
    }

    private func spec(_ config: Int?, limit: Int = 2) throws -> DeploymentSpec {
        var spec = DeploymentSpec(
            id: Self.id.deployment,
            typeName: "",
            arguments: [],
            options: DeploymentOptions(maxOngoingRequests: limit),
            answersHTTP: false
        )
        if let config {
            let writer = BinaryWriter()
            try writer.region(config)
            spec.userConfig = Array(writer.buffer.readableBytesView)
        }
        return spec
    }

    @Test func `the actor gets a configuration once, and a new limit of requests holds from then on`() async throws {
        let vitals = Vitals()
        let replica = replica(vitals)
        try await replica.reconfigure(spec(1))
        try await replica.reconfigure(spec(1, limit: 1))
        #expect(vitals.config.withLock { $0 } == [1])
        #expect(replica.admit())
        #expect(!replica.admit())
        try await replica.reconfigure(spec(2, limit: 2))
        #expect(vitals.config.withLock { $0 } == [1, 2])
        #expect(replica.admit())
    }

    @Test func `a configuration that the actor refused is tried again when it is given again`() async throws {
        let vitals = Vitals()
        let replica = replica(vitals)
        for _ in 1...2 {
            let (errors, sink) = AsyncStream<String>.makeStream()
            replica.reconfigure(try spec(-1, limit: 1)) { sink.yield("\($0.map { "\($0)" } ?? "none")") }
            var next = errors.makeAsyncIterator()
            #expect(await next.next() == "the model is lost")
        }
        #expect(vitals.config.withLock { $0 } == [-1, -1])
        #expect(replica.admit())
        #expect(replica.admit(), "the limit is the old one")
    }
}
