package import NIOCore
package import SwerveCore
internal import Synchronization

/// The data that travels with a request through every process that works on it.
public struct ServeContext: Sendable, Hashable {
    /// The HTTP request's `x-request-id`, which the proxy creates if the client sent none. Empty for calls from code
    /// without one.
    public var requestID: String
    /// When the answer becomes useless.
    package var deadline: RequestDeadline?

    public init(requestID: String) {
        self.requestID = requestID
    }

    package init(requestID: String, deadline: RequestDeadline?) {
        self.requestID = requestID
        self.deadline = deadline
    }

    /// How long the request may still take: negative after the deadline, `nil` without one. An HTTP request has a
    /// deadline if the instance has a `requestTimeout`.
    public var timeRemaining: Duration? {
        deadline?.remaining.map { .nanoseconds($0.nanoseconds) }
    }

    /// Gives the calls that `operation` makes a deadline, which travels with them and with the calls that they lead to.
    ///
    /// A call that would begin after the deadline fails with ``ServeError/Code/deadlineExceeded``. The deadline does
    /// not stop calls that already run: check ``timeRemaining``, or cancel the task. If the context already has an
    /// earlier deadline, that one stays.
    public nonisolated(nonsending) static func withDeadline<Result>(
        in time: Duration,
        operation: () async throws -> Result
    ) async rethrows -> Result {
        var context = current ?? ServeContext(requestID: "")
        // The deadline of a request that is over does not count.
        let outer = context.deadline.flatMap { $0.remaining == nil ? nil : $0 }
        let clock = outer.map(\.clock) ?? Self.clock
        let time = RequestDeadline.now(clock) + .nanoseconds(time.nanoseconds)
        let deadline = RequestDeadline(min(outer?.time ?? time, time), clock: clock)
        context.deadline = deadline
        defer { deadline.end() }
        return try await $current.withValue(context, operation: operation)
    }

    /// - Throws: ``ServeError`` with code `deadlineExceeded` after the current request's deadline.
    package static func checkDeadline() throws(ServeError) {
        guard let remaining = current?.deadline?.remaining, remaining < .zero else { return }
        throw ServeError(.deadlineExceeded, "the request's deadline passed before the call began")
    }

    /// The context of the request that the current task works on; `nil` outside requests. Bind it with
    /// `ServeContext.$current.withValue(...)` to give calls from other code a request ID.
    @TaskLocal public static var current: ServeContext?

    /// The clock of ``withDeadline(in:operation:)`` outside requests with a deadline; `nil` is real time.
    @TaskLocal package static var clock: (any EventLoop)?
}

/// When the answer to a request becomes useless.
///
/// A task that user code starts inherits the context of its request and may run long after it. So the deadline stops
/// applying when the request ends.
package final class RequestDeadline: Sendable, Hashable {
    package let time: NIODeadline
    /// The clock of ``time``; `nil` is real time.
    package let clock: (any EventLoop)?
    private let isOver = Atomic(false)

    package init(_ time: NIODeadline, clock: (any EventLoop)?) {
        self.time = time
        self.clock = clock
    }

    static func now(_ clock: (any EventLoop)?) -> NIODeadline { clock?.now ?? .now() }

    /// The request has ended.
    package func end() {
        isOver.store(true, ordering: .relaxed)
    }

    /// `nil` once the request has ended.
    package var remaining: TimeAmount? { isOver.load(ordering: .relaxed) ? nil : time - Self.now(clock) }

    package static func == (left: RequestDeadline, right: RequestDeadline) -> Bool { left === right }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}

/// The options of calls through one handle.
package struct CallOptions: Hashable, Sendable {
    /// The caller declares that running the request twice does no harm, so a lost replica does not fail it.
    package var idempotent: Bool
    package init(idempotent: Bool = false) {
        self.idempotent = idempotent
    }
}
