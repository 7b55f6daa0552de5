package import SwerveCore
internal import Synchronization
package import Tracing

/// A span that has begun. Swerve's own and those of user code (`withSpan`) are of this type.
///
/// A span that never ends is not exported.
package final class OpenSpan: Span {
    /// The trace and this span itself: what callees belong below.
    package let trace: TraceContext
    /// `nil` for a span of a trace that is not recorded.
    let recorder: SpanRecorder?
    /// The rest of what user code put into the context.
    private let surroundings: ServiceContext
    private let state: Mutex<State>

    private struct State {
        var record: SpanRecord
        /// Of user code; by name, and behind those of the record.
        var attributes: SpanAttributes = [:]
        var isOver = false
    }

    init(_ record: SpanRecord, _ recorder: SpanRecorder?, in surroundings: ServiceContext) {
        self.trace = record.trace
        self.recorder = recorder
        self.surroundings = surroundings
        self.state = Mutex(State(record: record))
    }

    private func change(_ body: (inout SpanRecord, TracingOptions.Limits) -> Void) {
        guard let recorder else { return }
        state.withLock { state in
            if !state.isOver { body(&state.record, recorder.settings.limits) }
        }
    }

    // MARK: Swerve's own

    package func set(_ name: String, _ value: String) {
        change { record, limits in record.set(name, .text(value.cut(to: limits.maxTextBytes))) }
    }

    package func set(_ name: String, _ value: Int) {
        change { record, _ in record.set(name, .integer(Int64(value))) }
    }

    package func link(_ trace: TraceContext) {
        change { record, _ in record.links.append(.init(trace)) }
    }

    /// The span failed, with what `error.type` is to say and a description.
    package func fail(_ type: String, _ description: String = "") {
        change { record, limits in
            record.set("error.type", .text(type.cut(to: limits.maxTextBytes)))
            record.status = .error(description.cut(to: limits.maxTextBytes))
        }
    }

    package func fail(_ error: any Error) {
        switch error {
        case let error as ServeError: fail(error.code.rawValue, error.message)
        case let error as RemoteError: fail(error.typeName, error.message)
        case is CancellationError: fail("cancelled", "cancelled")
        default: fail(String(reflecting: type(of: error)), "\(error)")
        }
    }

    // MARK: Span

    package var context: ServiceContext {
        var context = surroundings
        context.activeSpan = .local(self)
        return context
    }

    package var operationName: String {
        get { state.withLock { $0.record.name } }
        set { change { record, limits in record.name = newValue.cut(to: limits.maxTextBytes) } }
    }

    package var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set {
            guard recorder != nil else { return }
            state.withLock { state in
                if !state.isOver { state.attributes = newValue }
            }
        }
    }

    package var isRecording: Bool { recorder != nil && !state.withLock { $0.isOver } }

    package func setStatus(_ status: SpanStatus) {
        change { record, limits in
            switch status.code {
            case .ok: record.status = .ok
            case .error:
                // `withSpan` sets it without a message after the error was recorded.
                if status.message == nil, case .error = record.status { return }
                record.status = .error((status.message ?? "").cut(to: limits.maxTextBytes))
            }
        }
    }

    package func addEvent(_ event: SpanEvent) {
        change { record, limits in
            let (attributes, dropped) = limits.attributes(event.attributes)
            guard record.events.count < limits.maxAttributesPerSpan else { return record.droppedEvents += 1 }
            record.events.append(
                .init(
                    name: event.name.cut(to: limits.maxTextBytes),
                    time: event.nanosecondsSinceEpoch,
                    attributes: attributes,
                    droppedAttributes: dropped
                )
            )
        }
    }

    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        var attributes = attributes
        attributes["exception.type"] = String(reflecting: type(of: error))
        attributes["exception.message"] = "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    package func addLink(_ link: SpanLink) {
        guard let trace = link.context.activeSpan?.trace else { return }
        change { record, limits in
            guard record.links.count < limits.maxAttributesPerSpan else { return record.droppedLinks += 1 }
            record.links.append(.init(trace, attributes: limits.attributes(link.attributes).kept))
        }
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        finish(at: recorder == nil ? 0 : instant().nanosecondsSinceEpoch)
    }

    /// Ends the span now. The first end counts.
    package func end() {
        guard let recorder else { return }
        finish(at: recorder.now())
    }

    private func finish(at time: UInt64) {
        guard let recorder else { return }
        let record = state.withLock { state -> SpanRecord? in
            guard !state.isOver else { return nil }
            state.isOver = true
            // The clock may have been set back.
            state.record.end = max(time, state.record.start)
            let (attributes, dropped) = recorder.settings.limits.attributes(state.attributes)
            for attribute in attributes { state.record.set(attribute.name, attribute.value) }
            state.record.droppedAttributes += dropped
            state.attributes = [:]
            defer { state.record.attributes = [] }
            return state.record
        }
        if let record { recorder.add(record) }
    }
}

extension SpanRecord {
    /// Sets an attribute. There are few, so comparing names costs less than hashing one.
    fileprivate mutating func set(_ name: String, _ value: Value) {
        if let index = attributes.firstIndex(where: { $0.name == name }) {
            attributes[index].value = value
        } else {
            attributes.append(Attribute(name, value))
        }
    }
}

extension TracingOptions.Limits {
    /// What of user code's attributes is exported, in the order of their names, and how many are not.
    fileprivate func attributes(_ attributes: SpanAttributes) -> (kept: [SpanRecord.Attribute], dropped: Int) {
        var all: [SpanRecord.Attribute] = []
        attributes.forEach { name, value in
            guard let value = SpanRecord.Value(value, longest: maxTextBytes) else { return }
            all.append(.init(name.cut(to: maxTextBytes), value))
        }
        all.sort { $0.name < $1.name }
        let kept = Array(all.prefix(maxAttributesPerSpan))
        return (kept, attributes.count - kept.count)
    }
}

/// What the current task's spans belong below.
package enum ActiveSpan: Sendable {
    /// A span of this process.
    case local(OpenSpan)
    /// One of another process, which `extract` has read.
    case remote(TraceContext)

    package var trace: TraceContext {
        switch self {
        case .local(let span): span.trace
        case .remote(let trace): trace
        }
    }
}

private enum ActiveSpanKey: ServiceContextKey {
    typealias Value = ActiveSpan
    static var nameOverride: String? { "swerve-span" }
}

extension ServiceContext {
    package var activeSpan: ActiveSpan? {
        get { self[ActiveSpanKey.self] }
        set { self[ActiveSpanKey.self] = newValue }
    }
}

extension OpenSpan {
    /// The span that the current task works in.
    package static var current: OpenSpan? {
        guard case .local(let span)? = ServiceContext.current?.activeSpan else { return nil }
        return span
    }
}
