package import NIOCore
internal import SwerveCore
internal import SwerveRouting
internal import Synchronization

/// Writes the elements of a stream for a reader in another process.
///
/// Each element is a region, as ``BinaryWriter/region(_:)`` writes it; the regions follow each other. What is written
/// leaves at once when nothing is on the way; otherwise it waits until the reader has taken that, so that small
/// elements leave together.
package final class ItemWriter: Sendable {
    private typealias Continuation = UnsafeContinuation<Void, Never>

    private struct State {
        var credit: StreamCredit
        /// The bytes that have left and were not taken.
        var onTheWay = 0
        var failure: (any Error)?
        var waiters: [Int: Continuation] = [:]
        var nextWaiter = 0

        mutating func takeWaiters() -> [Continuation] {
            if waiters.isEmpty { return [] }
            defer { waiters = [:] }
            return waiters.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// The encoder with the elements that wait to leave. Used only with the lock held.
    private final class Pending: @unchecked Sendable {
        let encoder = BinaryWriter()
        /// The size of what left last.
        var usual = 256
    }

    private let state: Mutex<State>
    private let pending = Pending()
    private let send: @Sendable (ByteBuffer) -> Void

    /// - Parameters:
    ///   - maxAhead: how many elements may be written before the reader takes some.
    ///   - send: takes bytes without waiting. It is called with a lock held, so that they keep their order: it must not
    ///     call the writer.
    package init(maxAhead: Int, send: @escaping @Sendable (ByteBuffer) -> Void) {
        self.state = Mutex(State(credit: StreamCredit(maxElements: maxAhead, maxBytes: StreamLimits.window)))
        self.send = send
    }

    /// Writes an element, after waiting if the reader is behind.
    ///
    /// - Throws: `CancellationError` when nobody reads any more or the task is cancelled; ``ServeError`` with code
    ///   `unencodable` or `tooLarge`.
    package func write(_ element: some Encodable) async throws {
        try await add { try encode(element) }
    }

    /// Passes on encoded elements from another process, after waiting if the reader is behind.
    func forward(_ bytes: ByteBuffer) async throws {
        try await add { pending.encoder.buffer.writeImmutableBuffer(bytes) }
    }

    /// - Parameter append: adds to what waits, once there is room, and returns how many bytes.
    @inline(__always)
    private func add(_ append: () throws -> Int) async throws {
        while true {
            try Task.checkCancellation()
            let isWritten = try state.withLock { state in
                if let failure = state.failure { throw failure }
                guard state.credit.hasRoom else { return false }
                state.credit.wrote(try append())
                sendWaiting(&state, isLast: false)
                return true
            }
            if isWritten { return }
            await waitForRoom()
        }
    }

    /// Everything is written: what waits may leave.
    package func finish() {
        state.withLock { sendWaiting(&$0, isLast: true) }
    }

    private func encode(_ element: some Encodable) throws -> Int {
        let encoder = pending.encoder
        let start = encoder.buffer.writerIndex
        do {
            try encoder.region(element)
        } catch {
            encoder.buffer.moveWriterIndex(to: start)
            encoder.wroteNil = false
            throw error as? ServeError
                ?? ServeError(.unencodable, "an element of the stream, a \(type(of: element)): \(error)")
        }
        let bytes = encoder.buffer.writerIndex - start
        guard bytes <= StreamLimits.maximumValueBytes else {
            encoder.buffer.moveWriterIndex(to: start)
            throw ServeError(
                .tooLarge,
                "an element of the stream has \(bytes) bytes; the maximum is \(StreamLimits.maximumValueBytes)"
            )
        }
        return bytes
    }

    private func sendWaiting(_ state: inout State, isLast: Bool) {
        let waiting = pending.encoder.buffer.readableBytes
        guard waiting > 0, isLast || state.onTheWay == 0 || waiting >= StreamLimits.smallPart else { return }
        let bytes = pending.encoder.takeBuffer()
        pending.usual = min(max(waiting, 256), StreamLimits.smallPart)
        pending.encoder.buffer = ByteBufferAllocator().buffer(capacity: pending.usual)
        state.onTheWay += waiting
        send(bytes)
    }

    private func waitForRoom() async {
        let id = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: Continuation) in
                let waits = state.withLock { state in
                    guard !state.credit.hasRoom, state.failure == nil, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    // MARK: The reader's side

    /// The reader took this many bytes.
    package func took(_ bytes: Int) {
        let waiters = state.withLock { state -> [Continuation] in
            state.credit.took(bytes)
            state.onTheWay -= min(bytes, state.onTheWay)
            sendWaiting(&state, isLast: false)
            return state.credit.isLow ? state.takeWaiters() : []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Nobody reads any more: every waiting and every later write throws.
    package func cancel() {
        let waiters = state.withLock { state in
            state.failure = CancellationError()
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }
}
