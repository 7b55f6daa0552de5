package import NIOCore

/// The outgoing side of a connection: a socket, or a simulation's substitute. Incoming bytes go to
/// ``PeerConnection/received(_:)``, ``PeerConnection/readComplete()`` and ``PeerConnection/ended(_:)`` on the event
/// loop.
package protocol Wire: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }
    /// Writes what the socket accepts at once. Called by one thread at a time.
    func write(_ bytes: WireBytes) -> WireOutcome
    /// Writes everything as the socket accepts it, then calls `done` on any thread, but not during this call.
    func writeEventually(_ bytes: WireBytes, done: @escaping @Sendable () -> Void)
    /// No more writes follow. Called once, by the last writer.
    func closeWriting()
    /// Ends the connection in both directions; ``PeerConnection/ended(_:)`` may be called during this call or later.
    func close()
}

/// The result of a write.
package enum WireOutcome: Equatable, Sendable {
    case written(Int)
    /// The socket is broken.
    case failed
}

/// Bytes in order: the parts first, then the tail.
package struct WireBytes: Sendable {
    /// Finished parts, which are sent from where they lie.
    package private(set) var parts: [ByteBuffer] = []
    package var tail = ByteBuffer()

    package init() {}

    package var isEmpty: Bool { parts.isEmpty && tail.readableBytes == 0 }
    package var count: Int { parts.reduce(tail.readableBytes) { $0 + $1.readableBytes } }

    /// Adds bytes: copies a few, appends a larger buffer itself.
    mutating func append(_ bytes: ByteBuffer) {
        if bytes.readableBytes < ConnectionLimits.copyLimit {
            tail.writeImmutableBuffer(bytes)
            return
        }
        if tail.readableBytes > 0 {
            parts.append(tail)
            tail = ByteBuffer()
        }
        parts.append(bytes)
    }

    mutating func drop(first count: Int) {
        var count = count
        while count > 0, let first = parts.first {
            if first.readableBytes > count {
                parts[0].moveReaderIndex(forwardBy: count)
                return
            }
            count -= first.readableBytes
            parts.removeFirst()
        }
        tail.moveReaderIndex(forwardBy: count)
    }
}
