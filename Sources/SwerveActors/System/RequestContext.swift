package import NIOCore
package import SwerveCore

/// What travels with a request through every process that works on it.
public struct RequestContext: Sendable, Hashable {
    /// The HTTP request's `x-request-id`, kept or made by the proxy; empty for calls from code that has none.
    public var requestID: String
    /// When the answer is of no use any more.
    package var deadline: NIODeadline?

    public init(requestID: String) {
        self.requestID = requestID
    }

    package init(requestID: String, deadline: NIODeadline?) {
        self.requestID = requestID
        self.deadline = deadline
    }

    /// How long the request may still take; negative when the time is over, `nil` without a deadline. An HTTP request
    /// has one when the instance has a `requestTimeout`.
    public var timeRemaining: Duration? {
        deadline.map { .nanoseconds(($0 - .now()).nanoseconds) }
    }

    /// Gives the calls that `operation` makes a deadline, which travels with them and with those that they lead to.
    ///
    /// A call that would begin later fails with ``ServeError/Code/deadlineExceeded``. What runs is not ended by it: look
    /// at ``timeRemaining``, or cancel the task. An earlier deadline that there is already stays.
    public nonisolated(nonsending) static func withDeadline<Result>(
        in time: Duration,
        operation: () async throws -> Result
    ) async rethrows -> Result {
        var context = current ?? RequestContext(requestID: "")
        let deadline = NIODeadline.now() + .nanoseconds(time.nanoseconds)
        context.deadline = min(context.deadline ?? deadline, deadline)
        return try await $current.withValue(context, operation: operation)
    }

    /// - Throws: ``ServeError`` with code `deadlineExceeded` when the current request's time is over.
    package static func checkDeadline() throws(ServeError) {
        guard let deadline = current?.deadline, deadline < .now() else { return }
        throw ServeError(.deadlineExceeded, "the request's time was over before the call began")
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
