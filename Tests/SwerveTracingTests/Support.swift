import NIOCore
import SwerveCore
import SwerveTracing
import Synchronization
import Testing
import Tracing

/// A span whose name is a number.
func span(_ number: Int) throws -> SpanRecord {
    let trace = TraceContext(
        try #require(TraceID(high: 1, low: 2)),
        try #require(SpanID(UInt64(number + 1))),
        flags: TraceContext.sampledFlag
    )
    return SpanRecord(trace, name: "\(number)", kind: .internal, start: 1)
}

func settings(
    _ options: TracingOptions = TracingOptions(),
    variables: [String: String] = [:]
) throws(ServeError) -> TracingSettings {
    try TracingSettings(options, variable: { variables[$0] }, program: "program")
}

/// Keeps the spans that are over.
final class KeptSpans: SpanReceiver {
    private let state = Mutex<[SpanRecord]>([])
    var all: [SpanRecord] { state.withLock { $0 } }
    func add(_ record: SpanRecord) { state.withLock { $0.append(record) } }
    func flush() {}
    func end(_ done: @escaping @Sendable () -> Void) { done() }
}

/// A recorder whose clock counts its readings.
func recorder(_ sampling: TraceSampling = .always, _ limits: TracingOptions.Limits = .init()) throws -> (
    SpanRecorder, KeptSpans
) {
    let kept = KeptSpans()
    let time = Counter()
    let recorder = SpanRecorder(
        try settings(TracingOptions(sampling: sampling, limits: limits)),
        beginsTracesAtCalls: true,
        clock: { time.next() },
        seeds: (1, 2),
        receiver: kept
    )
    return (recorder, kept)
}

final class Counter: Sendable {
    private let value = Atomic<UInt64>(1000)
    func next() -> UInt64 { value.add(1, ordering: .relaxed).oldValue }
    var readings: UInt64 { value.load(ordering: .relaxed) - 1000 }
}
