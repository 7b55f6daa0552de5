package import NIOCore

/// Bytes that wait, in order. Small neighbours are merged, so that the memory they cost is in proportion to their bytes.
package struct ByteQueue: Sendable {
    private var buffers: [ByteBuffer] = []
    private var first = 0
    package private(set) var bytes = 0

    package init() {}

    private static let mergeLimit = 16 << 10

    package mutating func append(_ new: ByteBuffer) {
        let count = new.readableBytes
        guard count > 0 else { return }
        bytes += count
        if let last = buffers.indices.last, last >= first, count < Self.mergeLimit,
            buffers[last].readableBytes < Self.mergeLimit
        {
            buffers[last].writeImmutableBuffer(new)
            return
        }
        if count < Self.mergeLimit, new.storageCapacity > 4 * count {
            var copy = ByteBufferAllocator().buffer(capacity: count)
            copy.writeImmutableBuffer(new)
            buffers.append(copy)
        } else {
            buffers.append(new)
        }
    }

    package mutating func take(upTo limit: Int) -> ByteBuffer {
        guard first < buffers.count, limit > 0 else { return ByteBuffer() }
        let part: ByteBuffer
        if buffers[first].readableBytes <= limit {
            part = buffers[first]
            buffers[first] = ByteBuffer()
            first += 1
            if first == buffers.count {
                buffers.removeAll(keepingCapacity: true)
                first = 0
            }
        } else {
            part = buffers[first].readSlice(length: limit) ?? ByteBuffer()
        }
        bytes -= part.readableBytes
        return part
    }

    package mutating func removeAll() {
        self = ByteQueue()
    }
}
