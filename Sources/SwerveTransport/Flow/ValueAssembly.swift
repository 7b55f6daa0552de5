internal import NIOCore

/// A long value that comes in parts.
struct ValueAssembly: Sendable {
    let length: Int
    private(set) var bytes = ByteBuffer()

    /// Room is made for a part of the announced length only, and more as it comes.
    private static let firstRoom = 16 << 20

    init(length: Int) {
        self.length = length
        self.bytes = ByteBufferAllocator().buffer(capacity: min(length, Self.firstRoom))
    }

    var isWhole: Bool { bytes.readableBytes == length }

    /// - Returns: `false` when there are more bytes than announced.
    mutating func append(_ part: ByteBuffer) -> Bool {
        guard bytes.readableBytes + part.readableBytes <= length else { return false }
        bytes.writeImmutableBuffer(part)
        return true
    }
}
