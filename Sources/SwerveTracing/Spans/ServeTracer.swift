package import SwerveCore
internal import Synchronization
package import Tracing

/// Swerve's tracer for user code: `withSpan` in a replica makes a span below the request's, which goes the same way.
///
/// A process has one, because the `InstrumentationSystem` is one for the process. A span goes to the recorder of the
/// span that it is below, and one that begins a trace to that of the instance that started last.
package struct ServeTracer: Tracer {
    private static let recorders = Mutex<[SpanRecorder]>([])
    private static let isInstalled = Mutex(false)

    /// From now on, spans of user code that begin a trace go to this recorder. Makes this tracer the one of the process,
    /// unless the program has its own.
    package static func install(_ recorder: SpanRecorder) {
        recorders.withLock { $0.append(recorder) }
        isInstalled.withLock { isInstalled in
            guard !isInstalled, InstrumentationSystem.instrument is NoOpInstrument else { return }
            isInstalled = true
            InstrumentationSystem.bootstrap(ServeTracer())
        }
    }

    package static func remove(_ recorder: SpanRecorder) {
        recorders.withLock { $0.removeAll { $0 === recorder } }
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> OpenSpan {
        let context = context()
        let parent = context.activeSpan
        var own: SpanRecorder?
        if case .local(let span)? = parent { own = span.recorder }
        guard let recorder = own ?? Self.recorders.withLock({ $0.last }) else {
            let trace = parent?.trace ?? Self.nothing
            return OpenSpan(SpanRecord(trace, name: operationName, kind: kind, start: 0), nil, in: context)
        }
        var isRemote = false
        if case .remote? = parent { isRemote = true }
        return recorder.beginAlways(
            operationName,
            kind: kind,
            below: parent.map(\.trace) ?? recorder.parentInRequest(),
            isRemote: isRemote,
            at: instant().nanosecondsSinceEpoch,
            in: context
        )
    }

    /// For spans while no instance runs, which go nowhere.
    private static let nothing: TraceContext = {
        guard let trace = TraceID(high: 0, low: 1), let span = SpanID(1) else { preconditionFailure("1 is an ID") }
        return TraceContext(trace, span, flags: 0)
    }()

    package func activeSpan(identifiedBy context: ServiceContext) -> OpenSpan? {
        guard case .local(let span)? = context.activeSpan else { return nil }
        return span
    }

    package func forceFlush() {
        for recorder in Self.recorders.withLock({ $0 }) { recorder.flush() }
    }

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        func values(_ name: String) -> [String] { extractor.extract(key: name, from: carrier).map { [$0] } ?? [] }
        let parents = values(TraceContext.parentHeader)
        guard let trace = TraceContext(parents: parents, states: values(TraceContext.stateHeader)) else { return }
        context.activeSpan = .remote(trace)
    }

    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let trace = context.activeSpan?.trace, trace.spanID != Self.nothing.spanID else { return }
        injector.inject(trace.traceparent, forKey: TraceContext.parentHeader, into: &carrier)
        if let state = trace.state { injector.inject(state, forKey: TraceContext.stateHeader, into: &carrier) }
    }
}

/// What the current task's spans belong below, whichever tracer made them.
package enum CurrentTrace {
    /// `nil` outside of spans.
    package static var trace: TraceContext? {
        guard let context = ServiceContext.current else { return nil }
        if let own = context.activeSpan { return own.trace }
        if context.isEmpty { return nil }
        var headers: [String: String] = [:]
        InstrumentationSystem.instrument.inject(context, into: &headers, using: HeaderInjector())
        func values(_ name: String) -> [String] { headers[name].map { [$0] } ?? [] }
        return TraceContext(parents: values(TraceContext.parentHeader), states: values(TraceContext.stateHeader))
    }

    private struct HeaderInjector: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
            carrier[key.lowercased()] = value
        }
    }
}
