internal import DequeModule
package import NIOCore

/// Keeps waiting bytes in few buffers.
///
/// This makes a limit on the bytes a limit on the memory, too. A small buffer is merged with the one before it, and a
/// buffer that fills little of its storage is copied, so that it does not keep a large read buffer alive. There are
/// never more than two buffers for each ``smallBytes``, and a buffer's storage is at most twice its bytes plus a
/// kilobyte.
package struct ByteQueue: Sendable {
    /// A buffer up to this size is merged with the one before it.
    package static let smallBytes = 4 << 10
    /// Merged buffers grow up to this size.
    package static let mergedBytes = 16 << 10

    private var queue: Deque<ByteBuffer> = []
    /// The number of waiting bytes.
    package private(set) var bytes = 0

    package init() {}

    /// The number of waiting buffers.
    package var buffers: Int { queue.count }
    package var isEmpty: Bool { bytes == 0 }

    /// Adds the bytes at the end; empty buffers are dropped.
    package mutating func append(_ buffer: ByteBuffer) {
        let count = buffer.readableBytes
        guard count > 0 else { return }
        bytes += count
        guard count <= Self.smallBytes, let last = queue.last, last.readableBytes + count <= Self.mergedBytes else {
            queue.append(buffer.withoutWaste())
            return
        }
        // Taken out, so that the queue holds the only reference and the buffer grows in place.
        var tail = queue.removeLast()
        tail.writeImmutableBuffer(buffer)
        queue.append(tail)
    }

    /// Takes the first buffer.
    package mutating func take() -> ByteBuffer? {
        guard let first = queue.popFirst() else { return nil }
        bytes -= first.readableBytes
        return first
    }

    /// Takes the first buffer, or its first `most` bytes if it holds more.
    ///
    /// - Returns: `nil` if the queue is empty or `most` is not positive; never an empty buffer.
    package mutating func take(upTo most: Int) -> ByteBuffer? {
        guard most > 0, let first = queue.first else { return nil }
        guard first.readableBytes > most else { return take() }
        var rest = queue.removeFirst()
        let part = rest.readSlice(length: most)
        queue.prepend(rest)
        bytes -= most
        return part
    }

    package mutating func removeAll() {
        queue.removeAll()
        bytes = 0
    }
}

extension ByteBuffer {
    /// The buffer itself, or a copy in its own memory if the bytes fill less than half of the storage.
    ///
    /// - Parameter slack: how many bytes of storage beyond twice the content do not matter.
    package func withoutWaste(slack: Int = 1 << 10) -> ByteBuffer {
        guard storageCapacity > 2 * readableBytes + slack else { return self }
        var copy = ByteBufferAllocator().buffer(capacity: readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
