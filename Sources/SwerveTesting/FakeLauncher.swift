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
        /// `nil` once it is gone.
        var report: Report?
        var life: Life
        /// The start is on its way to the underlying launcher: a stop has to wait for it.
        var isHandedOver = false
        var isStopWanted = false

        mutating func end() -> Report? {
            life = .gone
            return report.take()
        }
    }
    private struct State {
        var base: (any ReplicaLauncher)?
        var replicas: [ReplicaID: Replica] = [:]
        /// Starts that the test has not asked for.
        var starts: [Start] = []
        var waiter: CheckedContinuation<Start, any Error>?
    }
    private let state = Mutex(State())

    public init() {}

    /// A replica to be started. The start stays pending until the test decides about it.
    public struct Start: Sendable {
        public let replica: ReplicaID
        public let options: DeploymentOptions
        /// What it holds of its node.
        public let reservation: Reservation
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
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let start = state.withLock { state -> Result<Start, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if !state.starts.isEmpty { return .success(state.starts.removeFirst()) }
                    precondition(state.waiter == nil, "two tasks wait for the next start")
                    state.waiter = continuation
                    return nil
                }
                if let start { continuation.resume(with: start) }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    /// Ends a replica as if its process had died. A replica in this process still finishes its ongoing requests.
    public func lose(_ replica: ReplicaID, _ reason: String = "lost by the test") {
        let (report, base) = state.withLock { state -> (Report?, (any ReplicaLauncher)?) in
            let isStarted = state.replicas[replica]?.life == .started
            return (state.replicas[replica]?.end(), isStarted ? state.base : nil)
        }
        base?.stop(replica)
        report?(.exited(reason: reason))
    }

    // MARK: The test's decisions

    private func start(_ start: Start) {
        guard let (report, base) = decide(start, .started) else { return }
        base.start(start.replica, start.spec, on: start.reservation) { [weak self] event in
            // A lost replica reports nothing more.
            let isHeard = self?.state.withLock { state in
                guard state.replicas[start.replica]?.life == .started else { return false }
                if case .exited = event { _ = state.replicas[start.replica]?.end() }
                return true
            }
            if isHeard == true { report(event) }
        }
        let isStopWanted = state.withLock { state in
            state.replicas[start.replica]?.isHandedOver = false
            return state.replicas[start.replica]?.isStopWanted == true
        }
        if isStopWanted { base.stop(start.replica) }
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
            guard let report = entry.report else { return nil }
            precondition(entry.life == .held, "the test already decided about the start of \(start.replica)")
            state.replicas[start.replica]?.life = life
            state.replicas[start.replica]?.isHandedOver = life == .started
            return (report, base)
        }
    }

    // MARK: The controller's orders

    package func attached(to base: any ReplicaLauncher) -> any ReplicaLauncher {
        state.withLock { $0.base = base }
        return Attached(launcher: self, base: base)
    }

    private struct Attached: ReplicaLauncher {
        let launcher: FakeLauncher
        let base: any ReplicaLauncher

        func start(
            _ replica: ReplicaID,
            _ spec: DeploymentSpec,
            on reservation: Reservation,
            report: @escaping Report
        ) {
            let start = Start(
                replica: replica,
                options: spec.options,
                reservation: reservation,
                launcher: launcher,
                spec: spec
            )
            let waiter = launcher.state.withLock { state in
                precondition(state.replicas[replica] == nil, "\(replica) is started twice")
                state.replicas[replica] = Replica(report: report, life: .held)
                if state.waiter == nil { state.starts.append(start) }
                return state.waiter.take()
            }
            waiter?.resume(returning: start)
        }

        func drain(_ replica: ReplicaID) {
            if isStarted(replica) { base.drain(replica) }
        }

        func probe(_ replica: ReplicaID) {
            if isStarted(replica) { base.probe(replica) }
        }

        func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
            if isStarted(replica) { base.reconfigure(replica, spec, number: number) }
        }

        func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { base.afterCallersKnow(done) }

        func stop(_ replica: ReplicaID) {
            precondition(isKnown(replica), "\(replica) was never started")
            let (report, isStarted) = launcher.state.withLock { state -> (Report?, Bool) in
                switch state.replicas[replica]?.life {
                case .held, .failed: return (state.replicas[replica]?.end(), false)
                case .started where state.replicas[replica]?.isHandedOver == true:
                    state.replicas[replica]?.isStopWanted = true
                    return (nil, false)
                case .started: return (nil, true)
                case .gone, nil: return (nil, false)
                }
            }
            if isStarted { base.stop(replica) }
            report?(.exited(reason: "it was stopped"))
        }

        func publish(_ message: ControlMessage, of deployment: DeploymentID) { base.publish(message, of: deployment) }

        private func isKnown(_ replica: ReplicaID) -> Bool { launcher.state.withLock { $0.replicas[replica] != nil } }

        private func isStarted(_ replica: ReplicaID) -> Bool {
            precondition(isKnown(replica), "\(replica) was never started")
            return launcher.state.withLock { $0.replicas[replica]?.life == .started }
        }
    }
}
