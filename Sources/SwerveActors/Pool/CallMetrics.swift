internal import NIOCore
internal import SwerveCore
internal import SwerveMetrics
internal import Synchronization

/// What a process counts of the calls by handle that one caller makes to one deployment: an edge in the graph of calls.
///
/// A call is what the caller's code makes, however many replicas it is sent to. Its time is the caller's, with the waiting
/// for a replica. Any number of threads count.
final class CallMetrics: Sendable {
    let caller: MetricCaller
    private let latency: MetricHistogram
    private let errors: MetricWord
    /// Those of another caller.
    fileprivate let next = AtomicLazyReference<CallMetrics>()

    fileprivate init(_ deployment: DeploymentID, _ caller: MetricCaller, _ registry: MetricRegistry) {
        let labels = deployment.labels + [MetricLabel("caller", caller.name)]
        self.caller = caller
        self.latency = registry.histogram("swerve_handle_latency_ms", labels, .latency)
        self.errors = registry.counter("swerve_handle_error_counter", labels)
    }

    /// A call that began at a time has its result. One that is a stream ends the call when it is over: with an error if
    /// one broke the stream off.
    @inline(__always)
    func answered(_ result: CallResult, since begun: UInt64, _ clock: any EventLoop) {
        if case .stream(let result) = result { return watch(result.stream.open, since: begun, clock) }
        latency.observe(clock.now.uptimeNanoseconds &- begun)
    }

    @inline(never)
    private func watch(_ stream: any OpenStream, since begun: UInt64, _ clock: any EventLoop) {
        stream.whenOver { error in
            self.latency.observe(clock.now.uptimeNanoseconds &- begun)
            if error != nil { self.errors.add() }
        }
    }

    /// A call that began at a time has failed. One that the caller itself has cancelled is no error.
    @inline(never)
    func failed(_ error: any Error, since begun: UInt64, _ clock: any EventLoop) {
        latency.observe(clock.now.uptimeNanoseconds &- begun)
        if !(error is CancellationError && Task.isCancelled) { errors.add() }
    }
}

/// A process's ``CallMetrics`` to one deployment, by caller. It begins empty and only grows, so it is read without a lock.
///
/// Nearly always there is one caller, and few where a process hosts several replicas.
final class CallTable: Sendable {
    /// How many callers are told apart; 64. Further ones count together, with the caller `overflow`.
    static let maximumCallers = 64
    private static let others = MetricCaller("overflow")

    private let deployment: DeploymentID
    private let registry: MetricRegistry
    private let own: MetricCaller
    private let first = AtomicLazyReference<CallMetrics>()

    init(_ deployment: DeploymentID, _ process: ProcessMetrics) {
        self.deployment = deployment
        self.registry = process.registry
        self.own = process.caller
    }

    /// Where the calls of the current task count.
    @inline(__always)
    var current: CallMetrics { of(WorkingReplica.current?.caller ?? own) }

    @inline(__always)
    func of(_ caller: MetricCaller) -> CallMetrics {
        if let first = first.load(), first.caller === caller { return first }
        return find(caller)
    }

    @inline(never)
    private func find(_ caller: MetricCaller) -> CallMetrics {
        guard var last = first.load() else { return kept(first.storeIfNil(make(caller)), caller) }
        var count = 1
        while last.caller !== caller {
            guard let next = last.next.load() else {
                if count >= Self.maximumCallers, caller !== Self.others { return find(Self.others) }
                return kept(last.next.storeIfNil(make(caller)), caller)
            }
            last = next
            count += 1
        }
        return last
    }

    private func make(_ caller: MetricCaller) -> CallMetrics { CallMetrics(deployment, caller, registry) }

    /// - Parameter stored: what is at the end now. Another thread may have been first: with this caller, or with another
    ///   one, behind which this one goes.
    private func kept(_ stored: CallMetrics, _ caller: MetricCaller) -> CallMetrics {
        stored.caller === caller ? stored : find(caller)
    }
}
