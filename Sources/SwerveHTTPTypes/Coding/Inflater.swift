internal import CZlib
internal import NIOCore

/// Undoes one coding with zlib.
final class Inflater {
    private enum Phase {
        /// The first bytes tell which format the data has. The first byte is kept until the second arrives.
        case undecided(first: UInt8?)
        case inflating
        /// The data is complete. For gzip, another member may follow.
        case complete
    }

    private let coding: ContentCoding
    /// In memory of its own, because zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private var phase: Phase
    private var isStarted = false
    private var hasInput = false
    /// Whether zlib may have more output without more input.
    private(set) var hasOutputWaiting = false

    init(_ coding: ContentCoding) {
        self.coding = coding
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        phase = coding == .gzip ? .inflating : .undecided(first: nil)
    }

    deinit {
        if isStarted { inflateEnd(stream) }
        stream.deallocate()
    }

    /// Decodes some of the input.
    ///
    /// - Parameter most: the most bytes to return.
    /// - Returns: the output, which may be empty even if there is input left to decode.
    func inflate(_ input: inout ByteBuffer, most: Int) throws(ServeHTTPError) -> ByteBuffer {
        if input.readableBytes > 0 { hasInput = true }
        switch phase {
        case .undecided(let first):
            try decide(&input, first)
            return ByteBuffer()
        case .complete:
            hasOutputWaiting = false
            try continueBehindEnd(input)
            return ByteBuffer()
        case .inflating:
            if !isStarted { try start(windowBits: Self.gzipBits) }
            return try step(&input, most)
        }
    }

    /// The content has ended.
    ///
    /// - Throws: ``ServeHTTPError`` with status 400 if the data has not. Content without any data counts as complete.
    func checkEnd() throws(ServeHTTPError) {
        if case .complete = phase { return }
        if hasInput { throw malformed("it ends in the middle of the data") }
    }

    // MARK: - Formats

    /// The largest window, so that any encoder's data is read, and the number that asks zlib for the gzip format.
    private static let zlibBits: Int32 = 15
    private static let gzipBits: Int32 = 15 + 16
    private static let rawBits: Int32 = -15

    private func decide(_ input: inout ByteBuffer, _ first: UInt8?) throws(ServeHTTPError) {
        guard let low = first ?? input.readInteger(as: UInt8.self) else { return }
        guard let high = input.getInteger(at: input.readerIndex, as: UInt8.self) else {
            phase = .undecided(first: low)
            return
        }
        // A zlib header names method 8 and is a multiple of 31. Raw data does not begin like that: it would be a stored
        // block with padding bits that no encoder sets.
        let isZlib = low & 0x0F == 8 && low >> 4 <= 7 && (UInt16(low) << 8 | UInt16(high)) % 31 == 0
        try start(windowBits: isZlib ? Self.zlibBits : Self.rawBits)
        phase = .inflating
        var head = ByteBuffer(integer: low)
        // One byte alone gives no output.
        _ = try step(&head, 1)
    }

    private func start(windowBits: Int32) throws(ServeHTTPError) {
        let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw noMemory }
        isStarted = true
    }

    /// Bytes follow the end of the data: the next member of a gzip file, or garbage.
    private func continueBehindEnd(_ input: ByteBuffer) throws(ServeHTTPError) {
        guard let next = input.getInteger(at: input.readerIndex, as: UInt8.self) else { return }
        guard coding == .gzip, next == 0x1F else { throw malformed("bytes follow the end of the data") }
        inflateReset(stream)
        phase = .inflating
    }

    // MARK: - zlib

    private func step(_ input: inout ByteBuffer, _ most: Int) throws(ServeHTTPError) -> ByteBuffer {
        var output = ByteBufferAllocator().buffer(capacity: most)
        let stream = stream
        let status = stream.step(&input, &output, room: most) { _ in CZlib.inflate(stream, Z_NO_FLUSH) }
        hasOutputWaiting = status != Z_STREAM_END && stream.pointee.avail_out == 0
        switch status {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: phase = .complete
        case Z_MEM_ERROR: throw noMemory
        case Z_NEED_DICT: throw malformed("it needs a dictionary")
        default: throw malformed(stream.pointee.msg.map { String(cString: $0) } ?? "it is damaged")
        }
        return output
    }

    private func malformed(_ what: String) -> ServeHTTPError {
        ServeHTTPError(.badRequest, "the request body is not valid \(coding) data: \(what)")
    }

    private var noMemory: ServeHTTPError {
        ServeHTTPError(.serviceUnavailable, "no memory is left to decode the request body")
    }
}
