public import NIOCore

/// A call by handle, before it is known which replica answers it.
package struct OutgoingCall: Sendable {
    package let target: String
    package let arguments: Arguments
    /// Whether a large result may stay where it is made, because the caller only passes it on.
    package let mayKeep: Bool

    package init(target: String, arguments: Arguments, mayKeep: Bool = false) {
        self.target = target
        self.arguments = arguments
        self.mayKeep = mayKeep
    }
}

/// The result of a call.
@usableFromInline
package enum CallResult: Sendable {
    /// From a replica of this process.
    case value(any Codable & Sendable)
    /// From a replica of another process: the encoded region.
    case encoded(ByteBuffer)
    /// The result stays where it was made; only of calls that allow it.
    case kept(KeptResult)
    /// Of a method without a result in this process.
    case void
}

/// How one attempt at a call ended.
package enum CallOutcome: Sendable {
    case result(CallResult)
    /// The user's error as itself, a ``RemoteError`` in its place, a ``ServeError``, or `CancellationError`.
    case failed(any Error)
    /// The replica did not start it.
    case refused
    /// The connection ended. `started` is false only when the replica certainly had not begun.
    case lost(started: Bool, reason: String)
}
