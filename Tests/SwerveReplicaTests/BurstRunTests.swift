import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import TestSupport
import Testing

@testable import SwerveReplica

/// Its calls wait until the test lets them go on, all but those for "prompt()".
private distributed actor Patient: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Patient { Patient() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Patient>] {
        [
            DeploymentMethod("prompt()") { actor, _, results in try results.returned(actor.prompt()) },
            DeploymentMethod("patient()") { actor, _, results in try await results.returned(actor.patient()) },
        ]
    }
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init() {
        self.actorSystem = .ofNewActor
    }

    /// Whether its task is cancelled.
    distributed func prompt() -> Bool { Task.isCancelled }

    /// Whether its task is cancelled when it goes on.
    distributed func patient() async -> Bool {
        await withCheckedContinuation { waiting.append($0) }
        return Task.isCancelled
    }

    distributed func goOn() {
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

/// Notes the answers of a burst, in their order.
private final class Notes: Burst {
    let answered: AsyncStream<String>
    private let report: AsyncStream<String>.Continuation

    init() {
        (answered, report) = AsyncStream.makeStream()
    }

    func hold() {}
    func release() {}
    func note(_ answer: String) { report.yield(answer) }
}

private struct NamedReply: Reply {
    let name: String
    let notes: Notes

    func send(_ event: StreamEvent) {}
    func end(_ event: StreamEvent, of replica: HostedReplica) {
        replica.finish()?()
        if case .value(.value(let isCancelled)) = event { notes.note("\(name) \(isCancelled)") }
    }
    func makeResultBuffer() -> ByteBuffer? { nil }
    var clock: any EventLoop { ManualLoop() }
}

@Suite(.timeLimit(.minutes(5))) struct BurstRunTests {
    private let notes = Notes()
    private let actor = Patient()

    private func start(_ names: [String]) -> [HostedRequest] {
        let id = ReplicaID(deployment: DeploymentID(application: "hosted", deployment: "Patient"), number: 1)
        let replica = HostedReplica(id: id, actor: actor, limit: names.count)
        let requests = names.map { name in
            let arguments = InvocationDecoder(BinaryReader(ByteBuffer(), system: .detached), genericSubstitutions: [])
            let target = name.hasPrefix("patient") ? "patient()" : "prompt()"
            let call = HostedCall(target: target, arguments: arguments, references: nil)
            #expect(replica.admit())
            return HostedRequest(replica, call, context: nil, NamedReply(name: name, notes: notes))
        }
        HostedReplica.start(requests, holding: notes, on: LoopExecutor(ManualLoop()))
        return requests
    }

    private func answers(_ count: Int) async -> [String] {
        var found: [String] = []
        for await answer in notes.answered {
            found.append(answer)
            if found.count == count { break }
        }
        return found
    }

    @Test func `a request that waits holds up none of its burst`() async throws {
        _ = start(["patient 1", "prompt 1", "patient 2", "prompt 2", "prompt 3"])
        #expect(await answers(3) == ["prompt 1 false", "prompt 2 false", "prompt 3 false"])
        try await actor.goOn()
        #expect(Set(await answers(2)) == ["patient 1 false", "patient 2 false"])
    }

    // Requests that follow one another in a task must not share its end.
    @Test func `the cancellation of a request that waits reaches it alone`() async throws {
        let requests = start(["prompt 1", "patient 1", "patient 2", "prompt 2"])
        #expect(await answers(2) == ["prompt 1 false", "prompt 2 false"])
        requests[1].cancel()
        try await actor.goOn()
        #expect(Set(await answers(2)) == ["patient 1 true", "patient 2 false"])
    }
}
