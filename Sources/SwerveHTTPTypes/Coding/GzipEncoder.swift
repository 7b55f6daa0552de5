internal import CZlib
internal import NIOCore

/// Makes gzip data with zlib. Takes about 256 KiB of memory.
final class GzipEncoder {
    enum Flush {
        /// Everything so far can be decoded.
        case part
        case end
    }

    /// The window's size, and the number that asks zlib for the gzip format.
    private static let windowBits: Int32 = 15 + 16
    private static let memoryLevel: Int32 = 8

    /// In memory of its own, because zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter level: from 1, the fastest, to 9, the smallest.
    init(level: Int) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream,
            Int32(min(max(level, 1), 9)),
            Z_DEFLATED,
            Self.windowBits,
            Self.memoryLevel,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        // Like every other allocation that fails.
        precondition(status == Z_OK, "zlib cannot begin to compress: \(status)")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func encode(_ bytes: ByteBuffer, _ flush: Flush) -> ByteBuffer {
        var input = bytes
        var output = ByteBufferAllocator().buffer(capacity: bytes.readableBytes / 2 + 64)
        while !step(&input, &output, flush, room: max(output.writableBytes, 64 + input.readableBytes / 2)) {}
        return output
    }

    /// The bytes as one gzip member; `nil` if it would not be shorter.
    static func compress(_ bytes: ByteBuffer, level: Int) -> ByteBuffer? {
        guard bytes.readableBytes > 1 else { return nil }
        let encoder = GzipEncoder(level: level)
        var input = bytes
        var output = ByteBufferAllocator().buffer(capacity: bytes.readableBytes - 1)
        return encoder.step(&input, &output, .end, room: bytes.readableBytes - 1) ? output.withoutWaste() : nil
    }

    /// Adds at most `room` bytes to the output.
    ///
    /// - Returns: whether everything is written.
    private func step(_ input: inout ByteBuffer, _ output: inout ByteBuffer, _ flush: Flush, room: Int) -> Bool {
        let stream = stream
        let status = stream.step(&input, &output, room: room) { hasAll in
            // Bytes that one call does not take follow in the next, so the data does not end before them.
            deflate(stream, !hasAll ? Z_NO_FLUSH : flush == .end ? Z_FINISH : Z_SYNC_FLUSH)
        }
        if flush == .end { return status == Z_STREAM_END }
        return input.readableBytes == 0 && stream.pointee.avail_out > 0
    }
}
