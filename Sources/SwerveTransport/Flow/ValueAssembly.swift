internal import NIOCore

/// A long value that arrives in parts.
struct ValueAssembly: Sendable {
    let length: Int
    private(set) var bytes = ByteBuffer()

    /// At first, room is made for at most this much of the announced length; it grows as parts arrive.
    private static let firstRoom = 16 << 20

    init(length: Int) {
        self.length = length
        self.bytes = ByteBufferAllocator().buffer(capacity: min(length, Self.firstRoom))
    }

    var isWhole: Bool { bytes.readableBytes == length }

    /// - Returns: `false` when more bytes arrive than were announced.
    mutating func append(_ part: ByteBuffer) -> Bool {
        guard bytes.readableBytes + part.readableBytes <= length else { return false }
        bytes.writeImmutableBuffer(part)
        return true
    }
}
