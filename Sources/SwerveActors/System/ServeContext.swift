package import NIOCore
public import SwerveCore
internal import Synchronization

/// The data that travels with a request through every process that works on it.
public struct ServeContext: Sendable, Hashable {
    /// The HTTP request's `x-request-id`, which the proxy creates if the client sent none. Empty for calls from code
    /// without one.
    public var requestID: String
    /// When the answer becomes useless.
    package var deadline: RequestDeadline?

    /// Whether it was decided where the request came in whether its trace is recorded, so that its calls begin none.
    package var isTraceDecided = false

    /// What few requests have, behind one pointer.
    private var rare: Boxed<RequestAttributes>?
    /// `nil` for a request that says nothing about its way.
    package var attributes: RequestAttributes? {
        get { rare?.value }
        set { rare = newValue.map(Boxed.init) }
    }

    public init(requestID: String) {
        self.requestID = requestID
    }

    package init(requestID: String, deadline: RequestDeadline?, attributes: RequestAttributes? = nil) {
        self.requestID = requestID
        self.deadline = deadline
        self.rare = attributes.map(Boxed.init)
    }

    /// How urgent the request is: the header `x-request-priority`, or the option `priority` of the handle.
    public var priority: RequestPriority {
        get { rare?.value.priority ?? .normal }
        set { attributes = (attributes ?? RequestAttributes()).with(\.priority, newValue) }
    }
    /// Which requests belong together, so that they go to the same replica where the deployment's routing heeds it: the
    /// header `x-session-id`, or the option `sessionKey` of the handle.
    public var sessionKey: String? {
        get { rare?.value.sessionKey }
        set { attributes = (attributes ?? RequestAttributes()).with(\.sessionKey, newValue) }
    }
    /// The model that the request is for: the header `serve-multiplexed-model-id`, or the option `modelID` of the
    /// handle.
    public var modelID: String? {
        get { rare?.value.modelID }
        set { attributes = (attributes ?? RequestAttributes()).with(\.modelID, newValue) }
    }

    /// Where the request is in a trace: what callees' spans belong below. Calls by handle carry it on.
    package var trace: TraceContext? {
        get { rare?.value.trace }
        set { attributes = (attributes ?? RequestAttributes()).with(\.trace, newValue) }
    }
    /// The header `traceparent` of W3C Trace Context for requests that this one leads to; `nil` if neither the client
    /// nor the option `tracing` of the instance gave it a trace. In a span of user code (`withSpan`), take what the
    /// tracer's `inject` gives.
    public var traceparent: String? { trace?.traceparent }
    /// The header `tracestate` that goes with ``traceparent``.
    public var tracestate: String? { trace?.state }

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
        let deadline = context.limit(to: time, clock: nil)
        defer { deadline.end() }
        return try await $current.withValue(context, operation: operation)
    }

    /// Sets a deadline, unless there is an earlier one.
    ///
    /// - Parameter own: the clock outside requests with a deadline; `nil` is real time.
    /// - Returns: the deadline that now applies, to be ended by the caller.
    mutating func limit(to time: Duration, clock own: (any EventLoop)?) -> RequestDeadline {
        // The deadline of a request that is over does not count.
        let outer = deadline.flatMap { $0.remaining == nil ? nil : $0 }
        let clock = outer.map(\.clock) ?? Self.clock ?? own
        let time = RequestDeadline.now(clock) + .nanoseconds(time.nanoseconds)
        let limit = RequestDeadline(min(outer?.time ?? time, time), clock: clock)
        deadline = limit
        return limit
    }

    /// Runs `operation` in a context, or in the caller's if it is `nil`.
    static func with<Result>(_ context: ServeContext?, _ operation: () async throws -> Result) async rethrows -> Result
    {
        guard let context else { return try await operation() }
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

    /// Where the tasks run that a call starts: its attempts, and the making of its streams' elements. `nil` is the Swift
    /// pool.
    @TaskLocal package static var executor: (any TaskExecutor)?
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

extension RequestAttributes {
    fileprivate func with<Value>(_ path: WritableKeyPath<RequestAttributes, Value>, _ value: Value) -> RequestAttributes
    {
        var copy = self
        copy[keyPath: path] = value
        return copy
    }
}

/// A value behind one pointer, for what is rarely there.
final class Boxed<Value: Hashable & Sendable>: Hashable, Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }

    static func == (left: Boxed, right: Boxed) -> Bool { left.value == right.value }
    func hash(into hasher: inout Hasher) { hasher.combine(value) }
}
