internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A Unix socket. Threads write to a duplicate of the channel's descriptor, so that the channel may close its own at
/// any time. What the socket does not accept at once goes through the channel, which waits for room.
final class SocketWire: Wire {
    let eventLoop: any EventLoop
    private let channel: any Channel
    private let socket: Int32
    private static let maximumSlices = 64

    /// - Parameter socket: a duplicate of the channel's socket, which the wire closes.
    init(_ channel: any Channel, socket: Int32) {
        self.channel = channel
        self.eventLoop = channel.eventLoop
        self.socket = socket
    }

    func write(_ bytes: WireBytes) -> WireOutcome {
        if bytes.parts.isEmpty {
            return bytes.tail.withUnsafeReadableBytes { Self.outcome(send($0)) }
        }
        var total = 0
        var start = 0
        let all = bytes.parts + [bytes.tail]
        while start < all.count {
            let some = all[start..<min(start + Self.maximumSlices, all.count)]
            let wanted = some.reduce(0) { $0 + $1.readableBytes }
            let written = withSlices(some[...], [], send)
            guard written >= 0 else { return total > 0 ? .written(total) : Self.outcome(written) }
            total += written
            if written < wanted { break }
            start += some.count
        }
        return .written(total)
    }

    private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            let written = Glibc.send(socket, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if written >= 0 || errno != EINTR { return written }
        }
    }

    private func send(_ slices: [iovec]) -> Int {
        var slices = slices
        return slices.withUnsafeMutableBufferPointer { slices in
            var message = msghdr()
            message.msg_iov = slices.baseAddress
            message.msg_iovlen = slices.count
            while true {
                let written = sendmsg(socket, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                if written >= 0 || errno != EINTR { return written }
            }
        }
    }

    /// Calls `body` with the memory of the buffers, which stays in place during the call.
    private func withSlices(_ rest: ArraySlice<ByteBuffer>, _ found: [iovec], _ body: ([iovec]) -> Int) -> Int {
        guard let first = rest.first else { return body(found) }
        return first.withUnsafeReadableBytes { bytes in
            let slice = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
            return withSlices(rest.dropFirst(), found + [slice], body)
        }
    }

    private static func outcome(_ written: Int) -> WireOutcome {
        if written >= 0 { return .written(written) }
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? .written(0) : .failed
    }

    func writeEventually(_ bytes: WireBytes, done: @escaping @Sendable () -> Void) {
        let (channel, eventLoop) = (channel, eventLoop)
        // In a later tick: a channel that cannot write closes during the call, after reading what is left.
        eventLoop.execute {
            for part in bytes.parts { channel.write(part, promise: nil) }
            let promise = eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in eventLoop.execute(done) }
            channel.writeAndFlush(bytes.tail, promise: promise)
        }
    }

    func closeWriting() { _ = Glibc.close(socket) }

    func close() { channel.close(promise: nil) }
}
