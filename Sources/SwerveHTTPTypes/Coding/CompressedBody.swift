internal import NIOCore
internal import SwerveCore
internal import Synchronization

/// Compresses a streamed answer. Each part that the application writes leaves at once, complete enough for the client to
/// decode it.
final class CompressedBody: Sendable {
    private struct State {
        let encoder: GzipEncoder
        /// How many bytes are still to be written; `nil` when the length is unknown.
        var announced: Int?
        var isOver = false
    }

    private let state: Mutex<State>
    private let base: HTTPBodyWriter

    /// - Parameters:
    ///   - announced: the exact number of bytes that the application will write, if it is known.
    ///   - base: takes the compressed bytes.
    init(level: Int, announced: Int?, to base: HTTPBodyWriter) {
        self.state = Mutex(State(encoder: GzipEncoder(level: level), announced: announced))
        self.base = base
    }

    /// Compresses on the Swift pool, so that large parts do not hold the caller's actor.
    ///
    /// - Throws: ``ServeError`` if there are more bytes than announced, and what the base throws.
    @concurrent func write(_ bytes: ByteBuffer) async throws {
        let isTooMuch = state.withLock { state in
            guard let announced = state.announced else { return false }
            state.announced = announced - bytes.readableBytes
            return bytes.readableBytes > announced
        }
        guard !isTooMuch else { throw Self.wrongLength }
        try await send(bytes, .part)
    }

    /// Ends the compressed data.
    @concurrent func finish() async throws {
        if state.withLock({ $0.announced ?? 0 }) != 0 { throw Self.wrongLength }
        try await send(ByteBuffer(), .end)
    }

    private func send(_ bytes: ByteBuffer, _ flush: GzipEncoder.Flush) async throws {
        // The lock is held from compressing to queueing, so that parts written by several tasks keep their order.
        try await base.write { enqueue in
            try state.withLock { state in
                if state.isOver { throw CancellationError() }
                state.isOver = flush == .end
                enqueue(state.encoder.encode(bytes, flush))
            }
        }
    }

    private static var wrongLength: ServeError {
        ServeError(.invalidOptions, "a streamed response has another length than its contentLength")
    }
}
