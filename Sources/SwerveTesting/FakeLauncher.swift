internal import SwerveControl
package import SwerveController
public import SwerveCore
internal import SwerveTransport
internal import Synchronization

/// Starts the replicas of a test's instance as the test decides: late, not at all, or only to lose them.
///
/// ```swift
/// let launcher = FakeLauncher()
/// try await withTestInstance(placement: .inProcess, launcher: launcher) { instance in
///     async let model = instance.run(Model.bind(), routePrefix: nil)
///     try await launcher.nextStart().fail("no memory left")        // the controller tries again
///     try await launcher.nextStart().succeed()
///     ...
///     launcher.lose(replica, "the machine is gone")            // the controller replaces it
/// }
/// ```
/// It also checks the controller: it traps if the controller starts a replica twice, or drains, probes or stops one
/// that it never started.
public final class FakeLauncher: Sendable {
    typealias Report = @Sendable (ReplicaEvent) -> Void

    private enum Life {
        /// The test has not decided about the start yet.
        case held
        /// The underlying launcher has it.
        case started
        /// The initialiser failed, as the test decided.
        case failed
        case gone
    }
    private struct Replica {
        let report: Report
        var life: Life
    }
    private struct State {
        var base: (any ReplicaLauncher)?
        var replicas: [ReplicaID: Replica] = [:]
    }
    private let state = Mutex(State())
    private let starts: AsyncStream<Start>
    private let announce: AsyncStream<Start>.Continuation

    public init() {
        (starts, announce) = AsyncStream.makeStream(of: Start.self)
    }

    /// A replica to be started. The start stays pending until the test decides about it.
    public struct Start: Sendable {
        public let replica: ReplicaID
        public let options: DeploymentOptions
        fileprivate let launcher: FakeLauncher
        fileprivate let spec: DeploymentSpec

        /// Starts it where it would start without this launcher.
        public func succeed() { launcher.start(self) }

        /// Fails the start as if the initialiser had thrown an error with this message.
        public func fail(_ message: String) { launcher.fail(self, message) }
    }

    /// Waits for the next start, in the order in which the controller asks for them. For one task at a time.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    public func nextStart() async throws -> Start {
        for await start in starts { return start }
        throw CancellationError()
    }

    /// Ends a replica as if its process had died. A replica in this process still finishes its ongoing requests.
    public func lose(_ replica: ReplicaID, _ reason: String = "lost by the test") {
        let (entry, base) = state.withLock { state -> (Replica?, (any ReplicaLauncher)?) in
            let entry = state.replicas[replica]
            state.replicas[replica]?.life = .gone
            return (entry, state.base)
        }
        guard let entry, entry.life != .gone else { return }
        if entry.life == .started { base?.stop(replica) }
        entry.report(.exited(reason: reason))
    }

    // MARK: The test's decisions

    private func start(_ start: Start) {
        guard let (report, base) = decide(start, .started) else { return }
        base.start(start.replica, start.spec) { [weak self] event in
            // A lost replica reports nothing more.
            guard let self, life(of: start.replica) == .started else { return }
            if case .exited = event { state.withLock { $0.replicas[start.replica]?.life = .gone } }
            report(event)
        }
    }

    private func fail(_ start: Start, _ message: String) {
        guard let (report, _) = decide(start, .failed) else { return }
        report(.placed(ReplicaPlace(address: "nowhere")))
        report(.initializationFailed(message: message))
    }

    /// - Returns: `nil` if the controller no longer wants the replica.
    private func decide(_ start: Start, _ life: Life) -> (Report, any ReplicaLauncher)? {
        state.withLock { state in
            guard let entry = state.replicas[start.replica], let base = state.base else {
                preconditionFailure("\(start.replica) belongs to another launcher")
            }
            if entry.life == .gone { return nil }
            precondition(entry.life == .held, "the test already decided about the start of \(start.replica)")
            state.replicas[start.replica]?.life = life
            return (entry.report, base)
        }
    }

    private func life(of replica: ReplicaID) -> Life? { state.withLock { $0.replicas[replica]?.life } }

    // MARK: The controller's orders

    package func attached(to base: any ReplicaLauncher) -> any ReplicaLauncher {
        state.withLock { $0.base = base }
        return Attached(launcher: self, base: base)
    }

    private struct Attached: ReplicaLauncher {
        let launcher: FakeLauncher
        let base: any ReplicaLauncher

        func start(_ replica: ReplicaID, _ spec: DeploymentSpec, report: @escaping Report) {
            launcher.state.withLock { state in
                precondition(state.replicas[replica] == nil, "\(replica) is started twice")
                state.replicas[replica] = Replica(report: report, life: .held)
            }
            launcher.announce.yield(
                Start(replica: replica, options: spec.options, launcher: launcher, spec: spec)
            )
        }

        func drain(_ replica: ReplicaID) {
            if known(replica).life == .started { base.drain(replica) }
        }

        func probe(_ replica: ReplicaID) {
            if known(replica).life == .started { base.probe(replica) }
        }

        func stop(_ replica: ReplicaID) {
            let entry = known(replica)
            switch entry.life {
            case .started: base.stop(replica)
            case .held, .failed:
                launcher.state.withLock { $0.replicas[replica]?.life = .gone }
                entry.report(.exited(reason: "it was stopped"))
            case .gone: break
            }
        }

        func publish(_ message: ControlMessage, of deployment: DeploymentID) { base.publish(message, of: deployment) }

        private func known(_ replica: ReplicaID) -> Replica {
            guard let entry = launcher.state.withLock({ $0.replicas[replica] }) else {
                preconditionFailure("\(replica) was never started")
            }
            return entry
        }
    }
}
