internal import Distributed
internal import SwerveCore
internal import SwerveTracing
internal import Tracing

// Calls by handle while tracing is on.
extension ServeSystem {
    /// Makes a call within a span of its own, if its trace is recorded.
    @inline(never)
    func tracedCall(_ call: OutgoingCall, _ pool: Pool, _ options: CallOptions?) async throws -> CallResult {
        let options = options ?? CallOptions()
        guard let recorder = pool.tracing.recorder else { return try await self.call(call, pool, options) }
        var context = ServeContext.current ?? ServeContext(requestID: "")
        // Spans of user code are inside of the request's.
        let parent = CurrentTrace.trace ?? context.trace
        let begins = parent != nil || (recorder.beginsTracesAtCalls && !context.isTraceDecided)
        context.isTraceDecided = true
        if parent != nil { context.trace = parent }
        guard begins,
            let span = recorder.begin(
                MethodName.of(call.target),
                kind: .client,
                below: parent,
                isRemote: false,
                in: ServiceContext.current ?? .topLevel
            )
        else { return try await ServeContext.with(context) { try await self.call(call, pool, options) } }
        span.set(of: pool.id)
        span.set(requestOf: context)
        context.trace = span.trace
        do {
            let result = try await ServeContext.with(context) { try await self.call(call, pool, options) }
            if case .stream(let result) = result {
                result.stream.open.whenOver { error in
                    if let error { span.fail(error) }
                    span.end()
                }
            } else {
                span.end()
            }
            return result
        } catch {
            span.fail(error)
            span.end()
            throw error
        }
    }
}

/// Names of methods for people.
package enum MethodName {
    /// The type and the method of a target, such as `Translator.translate(_:)`.
    package static func of(_ target: String) -> String {
        let full = RemoteCallTarget(target).description
        // A demangled name has the module, and may have the effects and the types of arguments and results.
        let name = full.prefix { $0 != "(" }
        let parts = name.split(separator: ".").suffix(2).joined(separator: ".")
        guard let open = full.firstIndex(of: "("), let close = full[open...].firstIndex(of: ")") else {
            return parts
        }
        return parts + full[open...close]
    }
}
