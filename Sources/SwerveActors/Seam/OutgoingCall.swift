public import NIOCore

/// A call through a handle, before a replica is chosen.
package struct OutgoingCall: Sendable {
    package let target: String
    package let arguments: Arguments
    /// Whether a large result may stay where it is produced, because the caller only passes it on.
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
    /// From a replica in this process.
    case value(any Codable & Sendable)
    /// From a replica in another process: the encoded region.
    case encoded(ByteBuffer)
    /// The result stays where it was produced. Only for calls that allow it.
    case kept(KeptResult)
    /// From a replica in this process, for a method without a result.
    case void
    /// The elements follow. The call's place in the replica is given back when the stream is over.
    case stream(StreamedResult)
}

/// How one attempt at a call ended.
package enum CallOutcome: Sendable {
    case result(CallResult)
    /// The user's own error, a ``RemoteError`` that stands in for it, a ``ServeError`` or a `CancellationError`.
    case failed(any Error)
    /// The replica refused the call without starting it.
    case refused
    /// The connection ended. `started` is false only if the replica certainly had not begun.
    case lost(started: Bool, reason: String)
}
