package import SwerveCore

/// Decides what is exported when: pure, so time and the collector's answers come in as events.
///
/// One export is under way at a time. The limits are ``TracingOptions/Limits``.
package struct SpanQueue: Sendable {
    /// How an export ended.
    package enum Outcome: Hashable, Sendable {
        /// The collector took the spans, apart from so many.
        case taken(rejected: Int, reason: String)
        /// Another attempt may succeed.
        case failed(reason: String, retryAfter: Duration?)
        /// Another attempt would fail, too.
        case refused(reason: String)
    }

    /// What is to be said in the log.
    package enum Notice: Hashable, Sendable {
        /// Spans are dropped from now on.
        case dropping(reason: String)
        /// An export succeeded after so many spans were dropped.
        case dropped(Int)
    }

    package struct Actions: Sendable {
        package var export: [SpanRecord]?
        /// When to call ``SpanQueue/tick(now:)``.
        package var wakeUp: MonotonicTime?
        package var notices: [Notice] = []
        /// Everything is sent or dropped, and no more is taken.
        package var isOver = false
    }

    private enum Phase: Sendable {
        /// Nothing is under way. Goes to exporting and over.
        case idle
        /// Goes to idle, waiting, exporting and over.
        case exporting([SpanRecord], attempt: Int)
        /// The next attempt is at a time. Goes to exporting.
        case waiting([SpanRecord], attempt: Int, until: MonotonicTime)
        case over
    }

    private let limits: TracingOptions.Limits
    private var phase = Phase.idle
    private var queue: [SpanRecord] = []
    /// When the oldest span in the queue has waited long enough.
    private var due: MonotonicTime?
    private var isEnding = false
    /// Since the last export that succeeded.
    private var droppedCount = 0

    package static let firstPause = Duration.seconds(1)
    package static let longestPause = Duration.seconds(30)

    package init(_ limits: TracingOptions.Limits) {
        self.limits = limits
    }

    /// How many spans are kept.
    package var count: Int {
        switch phase {
        case .idle, .over: queue.count
        case .exporting(let spans, _), .waiting(let spans, _, _): queue.count + spans.count
        }
    }

    // MARK: Events

    package mutating func add(_ span: SpanRecord, now: MonotonicTime) -> Actions {
        var actions = Actions()
        if case .over = phase { return actions }
        guard count < limits.maxQueuedSpans else {
            drop(1, "\(limits.maxQueuedSpans) spans wait, which is the limit maxQueuedSpans", &actions)
            return actions
        }
        queue.append(span)
        if due == nil {
            due = now + limits.exportInterval
            actions.wakeUp = due
        }
        exportIfReady(now, &actions)
        return actions
    }

    package mutating func tick(now: MonotonicTime) -> Actions {
        var actions = Actions()
        if case .waiting(let spans, let attempt, let until) = phase, now >= until {
            export(spans, attempt: attempt, &actions)
        }
        exportIfReady(now, &actions)
        return actions
    }

    /// The export that was under way has ended.
    ///
    /// - Parameter jitter: from 0 to 1, so that processes do not try again all at once.
    package mutating func ended(_ outcome: Outcome, jitter: Double, now: MonotonicTime) -> Actions {
        var actions = Actions()
        guard case .exporting(let spans, let attempt) = phase else { return actions }
        phase = .idle
        switch outcome {
        case .taken(let rejected, let reason):
            if droppedCount > 0 {
                actions.notices.append(.dropped(droppedCount))
                droppedCount = 0
            }
            if rejected > 0 { drop(rejected, "the collector rejected them: \(reason)", &actions) }
        case .refused(let reason): drop(spans.count, reason, &actions)
        case .failed(let reason, let retryAfter):
            if attempt < limits.maxAttempts, !isEnding {
                let until = now + Self.pause(after: attempt, retryAfter, jitter: jitter)
                phase = .waiting(spans, attempt: attempt + 1, until: until)
                actions.wakeUp = until
            } else {
                drop(spans.count, reason, &actions)
                // A process that ends does not wait for a collector that is away.
                if isEnding { dropQueue(reason, &actions) }
            }
        }
        exportIfReady(now, &actions)
        return actions
    }

    /// Exports what waits, without waiting for more.
    package mutating func flush(now: MonotonicTime) -> Actions {
        var actions = Actions()
        if case .waiting(let spans, let attempt, _) = phase { export(spans, attempt: attempt, &actions) }
        if !queue.isEmpty { due = now }
        exportIfReady(now, &actions)
        return actions
    }

    /// Exports what is there, each span at most once more; then the queue is over.
    package mutating func end(now: MonotonicTime) -> Actions {
        isEnding = true
        return flush(now: now)
    }

    /// Drops what is left, because the time for the end is used up.
    package mutating func giveUp() -> Actions {
        var actions = Actions()
        if case .over = phase { return actions }
        drop(count - queue.count, "the process ended before the collector took them", &actions)
        dropQueue("the process ended before the collector took them", &actions)
        phase = .over
        actions.isOver = true
        return actions
    }

    // MARK: Decisions

    private mutating func exportIfReady(_ now: MonotonicTime, _ actions: inout Actions) {
        guard case .idle = phase else { return }
        guard !queue.isEmpty else {
            if isEnding {
                phase = .over
                actions.isOver = true
            }
            return
        }
        let isDue = due.map { now >= $0 } ?? false
        guard isEnding || isDue || queue.count >= limits.maxSpansPerExport else {
            // A timer that was set for spans that have left may have fired already.
            if actions.wakeUp == nil { actions.wakeUp = due }
            return
        }
        let spans = Array(queue.prefix(limits.maxSpansPerExport))
        queue.removeFirst(spans.count)
        // What is left is older than what will come, so it leaves right after this export.
        due = queue.isEmpty ? nil : now
        export(spans, attempt: 1, &actions)
    }

    private mutating func export(_ spans: [SpanRecord], attempt: Int, _ actions: inout Actions) {
        phase = .exporting(spans, attempt: attempt)
        actions.export = spans
    }

    private mutating func dropQueue(_ reason: String, _ actions: inout Actions) {
        drop(queue.count, reason, &actions)
        queue = []
        due = nil
    }

    private mutating func drop(_ count: Int, _ reason: String, _ actions: inout Actions) {
        guard count > 0 else { return }
        if droppedCount == 0 { actions.notices.append(.dropping(reason: reason)) }
        droppedCount += count
    }

    private static func pause(after attempt: Int, _ wanted: Duration?, jitter: Double) -> Duration {
        if let wanted, wanted >= .zero { return min(wanted, longestPause) }
        let doubled = min(firstPause * (1 << min(attempt - 1, 10)), longestPause)
        return doubled / 2 + doubled / 2 * jitter
    }
}
