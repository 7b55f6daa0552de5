/// What travels with a request through every process that works on it.
public struct RequestContext: Sendable, Hashable {
    /// The HTTP request's `x-request-id`, kept or made by the proxy.
    public var requestID: String

    public init(requestID: String) {
        self.requestID = requestID
    }

    /// The context of the request that the current task works on; `nil` outside requests. Bind it with
    /// `RequestContext.$current.withValue(...)` to give calls from other code a request id.
    @TaskLocal public static var current: RequestContext?
}

/// Options of calls through one handle.
package struct CallOptions: Hashable, Sendable {
    /// The caller says that running the request twice does no harm: a lost replica does not fail it.
    package var idempotent = false
    /// Why no call may be made through this handle.
    package var misuse: String?
    package init() {}
}

/// How often a call is tried on some replica before the loss of its replica fails it.
package let maximumAttempts = 3
