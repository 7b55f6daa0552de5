import Logging
import NIOCore
import SwerveActors
import SwerveControl
import SwerveController
import SwerveCore
import SwerveReplica
import SwerveTransport
import Synchronization
import TestSupport
import Testing

/// Replicas that are ready at once and answer every probe.
private final class PromptLauncher: ReplicaLauncher {
    private let reports = Mutex<[ReplicaID: @Sendable (ReplicaEvent) -> Void]>([:])
    private let probes = Mutex(0)
    var probeCount: Int { probes.withLock { $0 } }

    func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        reports.withLock { $0[replica] = report }
        report(.placed(ReplicaPlace(address: "/nowhere")))
        report(.launched(processID: nil))
        report(.ready)
    }
    func drain(_ replica: ReplicaID) { report(.drained, of: replica) }
    func probe(_ replica: ReplicaID) {
        probes.withLock { $0 += 1 }
        report(.probeAnswered, of: replica)
    }
    func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        report(.reconfigured(number: number), of: replica)
    }
    func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { done() }
    func stop(_ replica: ReplicaID) { report(.exited(reason: "stopped"), of: replica) }
    func publish(_ message: ControlMessage, of deployment: DeploymentID) {}

    private func report(_ event: ReplicaEvent, of replica: ReplicaID) {
        reports.withLock { $0[replica] }?(event)
    }
}

private struct NoNetwork: PeerNetwork {
    func connect(
        to address: String,
        on loop: any EventLoop,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        loop.makeFailedFuture(ServeError(.system, "no network"))
    }
}

@Suite(.timeLimit(.minutes(5))) struct TickTests {
    @Test func `the controller has one timer, however many probes are answered, and none at its end`() async throws {
        let (clock, launcher) = (ManualLoop(), PromptLauncher())
        let system = ServeSystem(InstanceID(rawValue: 1), clock: clock, seed: 1)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let peers = Peers(
            loops: [clock],
            network: NoNetwork(),
            pools: system.pools,
            hosted: HostedReplicas(system),
            hello: Hello(replica: nil, processID: 1),
            logger: logger
        )
        let controller = Controller(
            clock: clock,
            launcher: launcher,
            peers: peers,
            logger: logger,
            exposeRoutes: { _ in }
        )
        async let running = controller.run()
        let deployment = DeploymentSpec(
            id: DeploymentID(application: "app", deployment: "D"),
            typeName: "T",
            arguments: [],
            options: DeploymentOptions(),
            answersHTTP: false
        )
        try await controller.deploy(
            ApplicationSpec(name: "app", routePrefix: nil, ingress: "D", deployments: [deployment])
        )
        for _ in 0..<40 {
            clock.advance(by: .seconds(10))
            // The tick leads to a probe, and that to an answer; each status is behind what came before.
            for _ in 0..<3 { _ = await controller.status() }
            #expect(clock.timerCount == 1)
        }
        #expect(launcher.probeCount == 40)
        await controller.shutdown()
        _ = await running
        #expect(clock.timerCount == 0)
    }
}
