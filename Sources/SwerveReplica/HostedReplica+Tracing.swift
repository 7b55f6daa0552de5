internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveTracing
internal import Tracing

// The spans of what a replica executes.
extension HostedReplica {
    /// The context of a call from another process, and its span; no span for a call that is not recorded.
    func begin(_ method: String, _ context: ServeContext?) -> (OpenSpan?, ServeContext?) {
        guard let traced = context, let parent = traced.trace, let recorder = tracing.recorder,
            let span = recorder.begin(MethodName.of(method), kind: .server, below: parent, isRemote: true)
        else { return (nil, context) }
        describe(span, traced)
        return (span, traced.below(span))
    }

    /// The same for an HTTP request.
    @inline(__always)
    func begin(_ request: ReplicaRequest, on loop: any EventLoop, _ reply: any Reply) -> (OpenSpan?, ServeContext?) {
        var context = ServeContext(
            requestID: request.head.requestID,
            deadline: request.deadline.map { RequestDeadline($0, clock: loop) },
            attributes: request.head.attributes
        )
        context.isTraceDecided = true
        return tracing.isOn ? begin(request, context, isHere: reply is LocalReply) : (nil, context)
    }

    @inline(never)
    private func begin(
        _ request: ReplicaRequest,
        _ context: ServeContext,
        isHere: Bool
    ) -> (OpenSpan?, ServeContext?) {
        var context = context
        if let trace = request.trace { context.trace = trace }
        guard let parent = request.trace, let recorder = tracing.recorder,
            let span = recorder.begin(
                "\(id.deployment.deployment).respond(to:)",
                kind: isHere ? .internal : .server,
                below: parent,
                isRemote: !isHere
            )
        else { return (nil, context) }
        describe(span, context)
        return (span, context.below(span))
    }

    /// Runs a call of this process within a span, if it is recorded.
    @inline(never)
    func tracedCall(_ call: OutgoingCall) async -> CallOutcome {
        guard let outer = ServeContext.current, let parent = outer.trace, let recorder = tracing.recorder,
            let span = recorder.begin(
                MethodName.of(call.target),
                kind: .internal,
                below: parent,
                isRemote: false,
                in: ServiceContext.current ?? .topLevel
            )
        else { return await perform(call) }
        describe(span, outer)
        let context = outer.below(span)
        let outcome = await ServiceContext.$current.withValue(span.context) {
            await ServeContext.$current.withValue(context) { await perform(call) }
        }
        switch outcome {
        case .result(.stream(let result)):
            result.stream.open.whenOver { error in
                if let error { span.fail(error) }
                span.end()
            }
        case .result: span.end()
        case .failed(let error):
            span.fail(error)
            span.end()
        // Nothing was executed.
        case .refused, .lost: break
        }
        return outcome
    }

    private func describe(_ span: OpenSpan, _ context: ServeContext) {
        span.set(of: id.deployment)
        span.set("swerve.replica", "\(id)")
        span.set(requestOf: context)
    }
}

extension OpenSpan {
    /// The request has been answered. An error was noted before.
    func end(with event: StreamEvent) {
        if case .response(let head, _) = event { set("http.response.status_code", Int(head.status)) }
        end()
    }

    /// Runs `operation` so that spans of user code belong below this one.
    static func with<Result>(_ span: OpenSpan, _ operation: () async throws -> Result) async rethrows -> Result {
        try await ServiceContext.$current.withValue(span.context, operation: operation)
    }
}

extension ServeContext {
    /// The same for what belongs below a span.
    fileprivate func below(_ span: OpenSpan) -> ServeContext {
        var copy = self
        copy.trace = span.trace
        return copy
    }
}
