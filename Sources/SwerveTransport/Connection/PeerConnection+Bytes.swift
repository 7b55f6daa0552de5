internal import NIOCore

/// Frames that consist of bytes: these lie in shared memory if they are many, and else follow the frame's own body.
extension PeerConnection {
    /// Sends bytes, with an optional body before them.
    func send(
        _ kind: FrameKind,
        stream: UInt64,
        bytes: ByteBuffer,
        behind body: (inout ByteBuffer) -> Void = { _ in }
    ) {
        if let reference = share(bytes, in: kind) {
            send(kind, stream: stream, reference, body)
        } else if bytes.readableBytes < ConnectionLimits.copyLimit {
            send(kind, stream: stream) { frame in
                body(&frame)
                frame.writeImmutableBuffer(bytes)
            }
        } else {
            var frame = Frame.open()
            body(&frame)
            send(kind, stream: stream, frame, trailing: bytes)
        }
    }

    /// Opens a stream with bytes, if there are any, and an optional body before them.
    func open(
        _ kind: FrameKind,
        _ owner: any StreamOwner,
        bytes: ByteBuffer?,
        behind body: (inout ByteBuffer) -> Void = { _ in }
    ) -> OpenFailure? {
        guard let bytes, let reference = share(bytes, in: kind) else {
            return open(kind, owner, trailing: bytes, body)
        }
        return open(kind, owner, reference, body)
    }

    // MARK: Shared memory

    private func share(_ bytes: ByteBuffer, in kind: FrameKind) -> SharedReference? {
        kind.mayBeShared ? memory?.share(bytes) : nil
    }

    /// Sends a frame whose bytes are elsewhere.
    func send(
        _ kind: FrameKind,
        stream: UInt64,
        _ reference: SharedReference,
        _ body: (inout ByteBuffer) -> Void = { _ in }
    ) {
        send(kind, stream: stream, isShared: true) { frame in
            reference.write(to: &frame)
            body(&frame)
        }
    }

    func open(
        _ kind: FrameKind,
        _ owner: any StreamOwner,
        _ reference: SharedReference,
        _ body: (inout ByteBuffer) -> Void = { _ in }
    ) -> OpenFailure? {
        let failure = open(kind, owner, isShared: true) { frame in
            reference.write(to: &frame)
            body(&frame)
        }
        if failure != nil { memory?.takeBack(reference) }
        return failure
    }

    /// A buffer for a value that is to be sent. If it grows large, its bytes are in shared memory, if the peer can read
    /// that.
    func makeBuffer() -> ByteBuffer {
        // Most calls and results fit, so that the buffer need not grow.
        let capacity = 256
        if let memory, memory.isUsable { return memory.memory.growingBuffer(capacity: capacity) }
        return ByteBufferAllocator().buffer(capacity: capacity)
    }
}
