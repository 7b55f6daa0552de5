import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import Synchronization
import TestSupport
import Testing

@testable import SwerveReplica

/// Answers at once.
private distributed actor Prompt: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Prompt { Prompt() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Prompt>] {
        [DeploymentMethod("answer()") { actor, _, results in try results.returned(actor.answer()) }]
    }
    init() {
        self.actorSystem = .ofNewActor
    }
    distributed func answer() -> Int { 7 }
}

/// Counts the answers, and notes how many there are when the batch lets them go.
private final class RecordedReply: Reply, Burst {
    static let requests = 5
    let releases: AsyncStream<Int>
    private let answers = Tally()
    private let report: AsyncStream<Int>.Continuation

    init() {
        (releases, report) = AsyncStream.makeStream()
    }

    func hold() {}
    func release() { report.yield(answers.value) }

    func send(_ event: StreamEvent) {}
    func end(_ event: StreamEvent, of replica: HostedReplica) {
        if case .value(.value(let value)) = event, value as? Int == 7 { answers.add() }
        replica.finish()?()
        // Behind the batch, if that still runs.
        if answers.value == Self.requests { replica.probe { _ in self.report.finish() } }
    }
    func makeResultBuffer() -> ByteBuffer? { nil }
    var clock: any EventLoop { ManualLoop() }
}

@Suite(.timeLimit(.minutes(5))) struct HostedRequestTests {
    // A hop for each of them would cost more than the calls.
    @Test func `calls that came together and do not wait are answered when they have begun`() async {
        let reply = RecordedReply()
        let id = ReplicaID(deployment: DeploymentID(application: "hosted", deployment: "Prompt"), number: 1)
        let replica = HostedReplica(id: id, actor: Prompt(), limit: RecordedReply.requests)
        let requests = (0..<RecordedReply.requests).map { _ in
            let arguments = InvocationDecoder(BinaryReader(ByteBuffer(), system: .detached), genericSubstitutions: [])
            let call = HostedCall(target: "answer()", arguments: arguments, references: nil)
            #expect(replica.admit())
            return HostedRequest(replica, call, context: nil, reply)
        }
        HostedReplica.start(requests, holding: reply, on: LoopExecutor(ManualLoop()))
        var last = 0
        for await answered in reply.releases { last = answered }
        #expect(last == RecordedReply.requests)
    }
}
