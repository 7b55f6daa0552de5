import Logging
import NIOCore
import NIOEmbedded
import SwerveActors
import SwerveCore
import SwerveLaunch
import SwerveTransport
import Synchronization
import Testing

@testable import SwerveController

/// Starts processes that never connect.
private final class SilentLauncher: ProcessLauncher, Sendable {
    private let processes = Mutex<[ReplicaID: @Sendable (ProcessEvent) -> Void]>([:])
    private let kills = Atomic(0)

    var killed: Int { kills.load(ordering: .relaxed) }

    func start(
        _ replica: ReplicaID,
        executable: String?,
        environment: LaunchEnvironment,
        report: @escaping @Sendable (ProcessEvent) -> Void
    ) {
        processes.withLock { $0[replica] = report }
        report(.launched(processID: 1))
    }

    func kill(_ replica: ReplicaID) {
        guard let report = processes.withLock({ $0.removeValue(forKey: replica) }) else { return }
        kills.add(1, ordering: .relaxed)
        report(.exited(reason: "its process was ended by signal 9 (killed)", lastOutput: "waiting for the disk"))
    }
}

private struct NoNetwork: PeerNetwork {
    func connect(
        to address: String,
        on loop: any EventLoop,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        Issue.record("nothing is published, so nothing should be connected to")
        return loop.makeFailedFuture(ServeError(.system, "no network"))
    }
}

@Suite(.timeLimit(.minutes(5))) struct ConnectTimeoutTests {
    @Test func `a process that does not connect fails the start within seconds, with its last output`() async throws {
        let instance = InstanceID(rawValue: 1)
        let (loop, launcher) = (NIOAsyncTestingEventLoop(), SilentLauncher())
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let peers = Peers(
            loops: [loop],
            network: NoNetwork(),
            pools: PoolTable(instance, clock: loop, seed: 1),
            hosted: HostedReplicas(.detached),
            hello: Hello(replica: nil, processID: 1),
            logger: logger
        )
        let workers = WorkerLauncher(
            processes: launcher,
            peers: peers,
            clock: loop,
            files: WorkerFiles(of: instance, directory: "/nowhere"),
            logger: logger,
            processorTime: { _ in nil }
        )
        let controller = Controller(
            clock: loop,
            launcher: workers,
            callers: peers,
            logger: logger,
            exposeRoutes: { _ in }
        )
        let deployment = DeploymentSpec(
            id: DeploymentID(application: "app", deployment: "D"),
            typeName: "D",
            arguments: [],
            options: DeploymentOptions(),
            answersHTTP: false
        )
        let spec = ApplicationSpec(name: "app", routePrefix: nil, ingress: "D", deployments: [deployment])
        async let running = controller.run()
        let end = Mutex<Result<Void, any Error>?>(nil)
        async let deploying: Void = {
            do {
                try await controller.deploy(spec)
                end.withLock { $0 = .success(()) }
            } catch {
                end.withLock { $0 = .failure(error) }
            }
        }()
        // The controller works in its own tasks: time advances in steps until it has finished.
        while end.withLock({ $0 == nil }) {
            await loop.advanceTime(by: .milliseconds(500))
            await Task.yield()
        }
        await deploying
        let error = #expect(throws: ServeError.self) { try end.withLock { $0 }?.get() }
        let message = error?.message ?? ""
        #expect(message.contains("it did not connect within 10"), "\(message)")
        #expect(message.contains("waiting for the disk"), "\(message)")
        #expect(launcher.killed == 3, "one per attempt")
        await controller.shutdown()
        _ = await running
        // The loop drops what reaches it while it shuts down, also the cancellation of the controller's last timer.
        await loop.run()
        await loop.shutdownGracefully()
    }
}
