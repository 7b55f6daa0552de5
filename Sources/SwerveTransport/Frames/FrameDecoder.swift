internal import NIOCore
internal import SwerveCore

/// Cuts a byte stream into frames. Pure. After it throws, do not call it again.
struct FrameDecoder {
    struct Frame {
        let kind: FrameKind
        let stream: UInt64
        let body: ByteBuffer
        /// Whether the body begins with where the frame's bytes lie.
        let isShared: Bool
    }

    private var bytes = ByteBuffer()

    /// Adds what was read.
    mutating func feed(_ new: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = new
        } else {
            bytes.writeImmutableBuffer(new)
        }
    }

    /// - Returns: `nil` when the rest of the next frame has not arrived.
    /// - Throws: an error that says what is wrong with the next frame, as soon as its header shows it.
    mutating func next() throws(ServeError) -> Frame? {
        let start = bytes.readerIndex
        guard let length: UInt32 = bytes.getInteger(at: start, endianness: .little) else { return wait(for: 0) }
        let header = SwerveTransport.Frame.headerBytes
        guard length >= header - SwerveTransport.Frame.lengthBytes else { throw Self.violation("\(length) bytes") }
        guard let number: UInt8 = bytes.getInteger(at: start + 4) else { return wait(for: 0) }
        let isShared = number & SwerveTransport.Frame.sharedFlag != 0
        guard let kind = FrameKind(rawValue: number & ~SwerveTransport.Frame.sharedFlag), !isShared || kind.mayBeShared
        else { throw Self.violation("kind \(number)") }
        let isControl = kind == .control || kind == .hello
        guard length <= (isControl ? ConnectionLimits.maximumControlBytes : ConnectionLimits.maximumFrameBytes) else {
            throw Self.violation("\(length) bytes")
        }
        guard bytes.readableBytes >= SwerveTransport.Frame.lengthBytes + Int(length),
            let stream: UInt64 = bytes.getInteger(at: start + 5, endianness: .little)
        else { return wait(for: Int(length) + SwerveTransport.Frame.lengthBytes) }
        bytes.moveReaderIndex(forwardBy: header)
        let body = bytes.readSlice(length: Int(length) + SwerveTransport.Frame.lengthBytes - header)
        guard let body else { throw Self.violation("\(length) bytes") }
        return Frame(kind: kind, stream: stream, body: body, isShared: isShared)
    }

    private static func violation(_ what: String) -> ServeError {
        ServeError(.protocolViolation, "a frame of \(what)")
    }

    /// Keeps the rest in a buffer with room for the whole frame, so that a large frame is copied once.
    private mutating func wait(for length: Int) -> Frame? {
        guard bytes.readableBytes > 0 else {
            bytes = ByteBuffer()
            return nil
        }
        // The length is only the peer's claim: room is made for at most part of it, and grows as bytes arrive.
        let needed = max(bytes.readableBytes, min(length, ConnectionLimits.maximumFrameBytes))
        if bytes.storageCapacity - bytes.readerIndex >= needed { return nil }
        var rest = ByteBufferAllocator().buffer(capacity: needed)
        rest.writeImmutableBuffer(bytes)
        bytes = rest
        return nil
    }
}
