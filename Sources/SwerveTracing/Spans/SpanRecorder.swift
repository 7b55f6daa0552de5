package import SwerveCore
internal import Synchronization
package import Tracing

/// Begins the spans of one instance in one process, and hands those that are over to the exporter.
package final class SpanRecorder: Sendable {
    package let settings: TracingSettings
    /// Whether calls by handle from code outside of requests begin traces: not in a replica's process, where such code
    /// may belong to a request whose trace is not recorded.
    package let beginsTracesAtCalls: Bool
    /// The request that the current task works on; `nil` outside of requests.
    let request: @Sendable () -> RequestTrace?
    private let clock: @Sendable () -> UInt64
    private let generators: Mutex<(SplitMix64, SplitMix64)>
    private let receiver: any SpanReceiver

    /// - Parameters:
    ///   - request: the request that the current task works on; `nil` outside of requests.
    ///   - clock: the nanoseconds since 1970.
    ///   - seeds: for IDs; two, because those of traces are random in 16 bytes.
    package init(
        _ settings: TracingSettings,
        beginsTracesAtCalls: Bool,
        request: @escaping @Sendable () -> RequestTrace? = { nil },
        clock: @escaping @Sendable () -> UInt64,
        seeds: (UInt64, UInt64),
        receiver: any SpanReceiver
    ) {
        self.settings = settings
        self.beginsTracesAtCalls = beginsTracesAtCalls
        self.request = request
        self.clock = clock
        self.generators = Mutex((SplitMix64(seed: seeds.0), SplitMix64(seed: seeds.1)))
        self.receiver = receiver
    }

    func now() -> UInt64 { clock() }
    func add(_ record: SpanRecord) { receiver.add(record) }

    /// Sends what waits, without waiting for more.
    package func flush() { receiver.flush() }
    /// Sends what waits, and then takes no more.
    package func end(_ done: @escaping @Sendable () -> Void) { receiver.end(done) }

    /// Begins a span below `parent`, or a trace without one.
    ///
    /// - Parameters:
    ///   - isRemote: whether the parent is in another process.
    ///   - surroundings: what user code put into the context.
    package func begin(
        _ name: @autoclosure () -> String,
        kind: SpanKind,
        below parent: TraceContext?,
        isRemote: Bool,
        in surroundings: ServiceContext = .topLevel
    ) -> OpenSpan? {
        guard takes(parent) else { return nil }
        let trace = parent.map { $0.below(newSpan()) } ?? root()
        guard let trace else { return nil }
        return open(name(), kind: kind, trace, below: parent, isRemote: isRemote, at: now(), in: surroundings)
    }

    /// Whether spans below this one are recorded; without one, whether some are.
    @inline(__always)
    package func takes(_ parent: TraceContext?) -> Bool { settings.sampling.isOn && parent?.isSampled ?? true }

    /// What a span of user code belongs below that is in no other span; `nil` if it may begin a trace.
    func parentInRequest() -> TraceContext? {
        guard let request = request() else { return nil }
        if let trace = request.trace { return trace }
        // It was decided elsewhere, where the request came in.
        guard request.isDecided || !beginsTracesAtCalls else { return nil }
        return TraceContext(newTrace(), newSpan(), flags: 0)
    }

    /// A span of user code: it has a context even if it is not recorded, so that the spans below it are not either.
    func beginAlways(
        _ name: String,
        kind: SpanKind,
        below parent: TraceContext?,
        isRemote: Bool,
        at time: UInt64,
        in surroundings: ServiceContext
    ) -> OpenSpan {
        if takes(parent), let trace = parent.map({ $0.below(newSpan()) }) ?? root() {
            let name = name.cut(to: settings.limits.maxTextBytes)
            return open(name, kind: kind, trace, below: parent, isRemote: isRemote, at: time, in: surroundings)
        }
        let trace = parent ?? TraceContext(newTrace(), newSpan(), flags: 0)
        return OpenSpan(SpanRecord(trace, name: name, kind: kind, start: time), nil, in: surroundings)
    }

    private func open(
        _ name: String,
        kind: SpanKind,
        _ trace: TraceContext,
        below parent: TraceContext?,
        isRemote: Bool,
        at time: UInt64,
        in surroundings: ServiceContext
    ) -> OpenSpan {
        var record = SpanRecord(trace, name: name, kind: kind, start: time)
        record.parent = parent?.spanID
        record.hasRemoteParent = isRemote && parent != nil
        return OpenSpan(record, self, in: surroundings)
    }

    /// A trace that begins here; `nil` if it is not recorded.
    private func root() -> TraceContext? {
        let id = newTrace()
        return settings.sampling.takes(id) ? TraceContext(id, newSpan(), flags: TraceContext.sampledFlag) : nil
    }

    private func newTrace() -> TraceID {
        generators.withLock { generators in
            while true {
                if let id = TraceID(high: generators.0.next(), low: generators.1.next()) { return id }
            }
        }
    }

    private func newSpan() -> SpanID {
        generators.withLock { generators in
            while true {
                if let id = SpanID(generators.0.next()) { return id }
            }
        }
    }
}

/// What a request says of its trace.
package struct RequestTrace: Sendable {
    package var trace: TraceContext?
    /// Whether it was decided where the request came in whether its trace is recorded.
    package var isDecided: Bool

    package init(trace: TraceContext?, isDecided: Bool) {
        self.trace = trace
        self.isDecided = isDecided
    }
}

/// Takes spans that are over.
package protocol SpanReceiver: Sendable {
    func add(_ record: SpanRecord)
    func flush()
    /// Sends what is there; `done` is called once, after a bounded time.
    func end(_ done: @escaping @Sendable () -> Void)
}

/// Where the parts of a process find its recorder: `nil` while tracing is off.
package final class TracingSlot: Sendable {
    private let isSet = Atomic(false)
    private let value = Mutex<SpanRecorder?>(nil)
    let request: @Sendable () -> RequestTrace?

    /// - Parameter request: the request that the current task works on; `nil` outside of requests.
    package init(request: @escaping @Sendable () -> RequestTrace? = { nil }) {
        self.request = request
    }

    /// Whether there is a recorder; one load.
    @inline(__always)
    package var isOn: Bool { isSet.load(ordering: .relaxed) }

    @inline(__always)
    package var recorder: SpanRecorder? { isOn ? value.withLock { $0 } : nil }

    package func set(_ recorder: SpanRecorder?) {
        value.withLock { $0 = recorder }
        isSet.store(recorder != nil, ordering: .relaxed)
    }
}
