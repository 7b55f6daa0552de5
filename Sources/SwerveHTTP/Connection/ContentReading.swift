internal import NIOCore
internal import SwerveSystem
internal import Synchronization

/// Reads content from a connection's socket to where it stays, without the channel's buffer in between.
///
/// The channel goes on to say when there is something to read. What it reads itself is copied, so its buffers are small
/// as long as the connection's contents are read in place.
final class ContentReading: Sendable {
    private let isInPlace = Atomic<Bool>(false)

    /// How the channel's buffers grow with the traffic.
    static var adaptive: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 16 << 10, maximum: 1 << 20)
    }

    /// How the channel gets its buffers; made once, for one channel.
    func makeBuffers() -> any RecvByteBufferAllocator { Buffers(reading: self) }

    /// Whether contents are read in place from now on.
    func set(inPlace: Bool) { isInPlace.store(inPlace, ordering: .relaxed) }

    /// Appends what the socket has, at most this many bytes, to a buffer with room for them.
    ///
    /// - Returns: how many bytes that were; 0 also at the end of input, which the channel finds, too.
    static func read(_ socket: Int32, upTo most: Int, into buffer: inout ByteBuffer) -> Int {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { memory in
            Sockets.receive(socket, into: UnsafeMutableRawBufferPointer(rebasing: memory[..<most]))
        }
    }

    private struct Buffers: RecvByteBufferAllocator {
        let reading: ContentReading
        var adaptive = ContentReading.adaptive

        private static let smallBytes = 16 << 10
        private var isSmall: Bool { reading.isInPlace.load(ordering: .relaxed) }

        func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
            isSmall ? allocator.buffer(capacity: Self.smallBytes) : adaptive.buffer(allocator: allocator)
        }

        /// `nil` has the channel ask for a buffer of its own for each read.
        func nextBufferSize() -> Int? { isSmall ? nil : adaptive.nextBufferSize() }

        mutating func record(actualReadBytes: Int) -> Bool {
            if !isSmall { _ = adaptive.record(actualReadBytes: actualReadBytes) }
            // Otherwise a small buffer would be replaced by the one of the last read, however large that is.
            return true
        }
    }
}
