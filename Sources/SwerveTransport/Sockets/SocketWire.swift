internal import NIOCore
internal import SwerveSystem
internal import Synchronization

/// A Unix socket. Threads write to a duplicate of the channel's descriptor, so that the channel may close its own at any
/// time; what the socket does not take at once goes through the channel, which waits for room.
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
            return bytes.tail.withUnsafeReadableBytes { Self.outcome(Sockets.send(socket, $0)) }
        }
        var total = 0
        var start = 0
        let all = bytes.parts + [bytes.tail]
        while start < all.count {
            let some = all[start..<min(start + Self.maximumSlices, all.count)]
            let wanted = some.reduce(0) { $0 + $1.readableBytes }
            guard let written = withSlices(some[...], [], { Sockets.send(socket, $0) }) else {
                return total > 0 ? .written(total) : .failed
            }
            total += written
            if written < wanted { break }
            start += some.count
        }
        return .written(total)
    }

    /// Calls `body` with the memory of the buffers, which stays where it is meanwhile.
    private func withSlices(
        _ rest: ArraySlice<ByteBuffer>,
        _ found: [SocketSlice],
        _ body: ([SocketSlice]) -> Int?
    ) -> Int? {
        guard let first = rest.first else { return body(found) }
        return first.withUnsafeReadableBytes { bytes in
            withSlices(rest.dropFirst(), found + [SocketSlice(bytes)], body)
        }
    }

    private static func outcome(_ written: Int?) -> WireOutcome {
        written.map { .written($0) } ?? .failed
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

    func closeWriting() { Descriptors.close(socket) }

    func close() { channel.close(promise: nil) }
}
