package import NIOCore
package import SwerveCore
internal import Synchronization

/// What travels with a request through every process that works on it.
public struct ServeContext: Sendable, Hashable {
    /// The HTTP request's `x-request-id`, kept or made by the proxy; empty for calls from code that has none.
    public var requestID: String
    /// When the answer is of no use any more.
    package var deadline: RequestDeadline?

    public init(requestID: String) {
        self.requestID = requestID
    }

    package init(requestID: String, deadline: RequestDeadline?) {
        self.requestID = requestID
        self.deadline = deadline
    }

    /// How long the request may still take; negative when the time is over, `nil` without a deadline. An HTTP request
    /// has one when the instance has a `requestTimeout`.
    public var timeRemaining: Duration? {
        deadline?.remaining.map { .nanoseconds($0.nanoseconds) }
    }

    /// Gives the calls that `operation` makes a deadline, which travels with them and with those that they lead to.
    ///
    /// A call that would begin later fails with ``ServeError/Code/deadlineExceeded``. What runs is not ended by it: look
    /// at ``timeRemaining``, or cancel the task. An earlier deadline that there is already stays.
    public nonisolated(nonsending) static func withDeadline<Result>(
        in time: Duration,
        operation: () async throws -> Result
    ) async rethrows -> Result {
        var context = current ?? ServeContext(requestID: "")
        let clock = context.deadline?.clock ?? clock
        let time = RequestDeadline.now(clock) + .nanoseconds(time.nanoseconds)
        let deadline = RequestDeadline(min(context.deadline?.time ?? time, time), clock: clock)
        context.deadline = deadline
        defer { deadline.end() }
        return try await $current.withValue(context, operation: operation)
    }

    /// - Throws: ``ServeError`` with code `deadlineExceeded` when the current request's time is over.
    package static func checkDeadline() throws(ServeError) {
        guard let remaining = current?.deadline?.remaining, remaining < .zero else { return }
        throw ServeError(.deadlineExceeded, "the request's time was over before the call began")
    }

    /// The context of the request that the current task works on; `nil` outside requests. Bind it with
    /// `ServeContext.$current.withValue(...)` to give calls from other code a request id.
    @TaskLocal public static var current: ServeContext?

    /// Whose time ``withDeadline(in:operation:)`` goes by, outside of requests with a deadline; `nil` is real time.
    @TaskLocal package static var clock: (any EventLoop)?
}

/// When the answer to a request is of no use any more.
///
/// Tasks that user code starts inherit the context of the request that they were started in, and may go on long after it:
/// when the request is over, so is its deadline.
package final class RequestDeadline: Sendable, Hashable {
    package let time: NIODeadline
    /// Whose time it is; `nil` is real time.
    package let clock: (any EventLoop)?
    private let isOver = Atomic(false)

    package init(_ time: NIODeadline, clock: (any EventLoop)?) {
        self.time = time
        self.clock = clock
    }

    static func now(_ clock: (any EventLoop)?) -> NIODeadline { clock?.now ?? .now() }

    /// The request is over.
    package func end() {
        isOver.store(true, ordering: .relaxed)
    }

    /// `nil` when the request is over.
    package var remaining: TimeAmount? { isOver.load(ordering: .relaxed) ? nil : time - Self.now(clock) }

    package static func == (left: RequestDeadline, right: RequestDeadline) -> Bool { left === right }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}

/// Options of calls through one handle.
package struct CallOptions: Hashable, Sendable {
    /// The caller says that running the request twice does no harm: a lost replica does not fail it.
    package var idempotent: Bool
    package init(idempotent: Bool = false) {
        self.idempotent = idempotent
    }
}
