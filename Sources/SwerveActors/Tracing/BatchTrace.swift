internal import SwerveCore
internal import SwerveTracing
internal import Tracing

/// The span of one batch. It belongs below the first of its members that is recorded, and has links to all of them, as
/// they have to it.
struct BatchTrace {
    let span: OpenSpan

    /// `nil` for a batch without recorded members.
    ///
    /// - Parameter members: the spans of the requests whose calls are in the batch.
    init?(_ method: String, _ members: [OpenSpan], size: Int, _ tracing: TracingSlot) {
        guard let first = members.first, let recorder = tracing.recorder,
            let span = recorder.begin(
                "batch \(method)",
                kind: .internal,
                below: first.trace,
                isRemote: false
            )
        else { return nil }
        span.set("swerve.batch.size", size)
        var linked: Set<SpanID> = []
        for member in members where linked.insert(member.trace.spanID).inserted {
            span.link(member.trace)
            member.link(span.trace)
        }
        self.span = span
    }

    func ended(_ error: (any Error)? = nil) {
        if let error { span.fail(error) }
        span.end()
    }

    /// The span that a call of a batched method belongs to.
    static func member(_ tracing: TracingSlot) -> OpenSpan? { tracing.isOn ? OpenSpan.current : nil }

    /// Runs `operation` so that what it calls belongs below the batch's span.
    static func with<Result>(
        _ trace: BatchTrace?,
        _ shared: ServeContext?,
        _ operation: () async throws -> Result
    ) async rethrows -> Result {
        guard let span = trace?.span else {
            return try await ServeContext.$current.withValue(shared, operation: operation)
        }
        var below = shared ?? ServeContext(requestID: "")
        below.trace = span.trace
        let context = below
        return try await ServiceContext.$current.withValue(span.context) {
            try await ServeContext.$current.withValue(context, operation: operation)
        }
    }
}
