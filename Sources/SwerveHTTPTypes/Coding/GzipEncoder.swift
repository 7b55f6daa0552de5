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
        let room = Int(uInt(clamping: room))
        var status = Z_OK
        input.readWithUnsafeReadableBytes { source in
            // zlib does not write to its input, though the type of the pointer allows it.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.assumingMemoryBound(to: Bytef.self).baseAddress
            )
            stream.pointee.avail_in = uInt(clamping: source.count)
            let given = Int(stream.pointee.avail_in)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
                stream.pointee.next_out = memory.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.pointee.avail_out = uInt(room)
                // Bytes that one call does not take follow in the next, so the data does not end before them.
                let isAll = given == source.count
                status = deflate(stream, !isAll ? Z_NO_FLUSH : flush == .end ? Z_FINISH : Z_SYNC_FLUSH)
                return room - Int(stream.pointee.avail_out)
            }
            return given - Int(stream.pointee.avail_in)
        }
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
        if flush == .end { return status == Z_STREAM_END }
        return input.readableBytes == 0 && stream.pointee.avail_out > 0
    }
}
