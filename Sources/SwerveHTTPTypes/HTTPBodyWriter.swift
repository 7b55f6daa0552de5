public import NIOCore
internal import SwerveCore
internal import Synchronization

/// Where the closure of a streamed response writes its chunks.
///
/// Writers wait for a slow client: at most a window of bytes is on the way. The response ends when the closure returns;
/// when it throws, the connection is cut so that the client cannot take the part for the whole.
public final class HTTPBodyWriter: Sendable {
    private struct Waiter: Sendable {
        let id: Int
        let bytes: ByteBuffer
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State: Sendable {
        var credit: Int
        var nextID = 0
        var waiters: [Waiter] = []
        var failure: (any Error)?
    }

    private let state: Mutex<State>
    private let send: @Sendable (ByteBuffer) -> Void

    /// - Parameters:
    ///   - window: how many bytes may be sent before the transport grants more.
    ///   - send: takes a chunk without waiting. It is called with a lock held, so that chunks keep their order: it must
    ///     not call the writer.
    package init(window: Int, send: @escaping @Sendable (ByteBuffer) -> Void) {
        self.state = Mutex(State(credit: window))
        self.send = send
    }

    /// Sends a chunk, and waits first while the client is behind. An empty chunk does nothing.
    ///
    /// - Throws: `CancellationError` when the client is gone or the task is cancelled; nothing was sent then.
    public func write(_ bytes: ByteBuffer) async throws {
        try Task.checkCancellation()
        guard bytes.readableBytes > 0, try !sendAtOnce(bytes) else { return }
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(Waiter(id: id, bytes: bytes, continuation: continuation))
            }
        } onCancel: {
            drop(id)
        }
    }

    /// Sends text as UTF-8.
    public func write(_ text: String) async throws {
        try await write(ByteBuffer(string: text))
    }

    /// The client took that many bytes.
    package func grant(_ bytes: Int) {
        let ready = state.withLock { state in
            state.credit += bytes
            var ready: [CheckedContinuation<Void, any Error>] = []
            while state.credit > 0, let first = state.waiters.first {
                state.waiters.removeFirst()
                state.credit -= first.bytes.readableBytes
                send(first.bytes)
                ready.append(first.continuation)
            }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }

    /// Nothing more can be sent; every write that waits and every later one throws `error`.
    package func cancel(_ error: any Error = CancellationError()) {
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    private func sendAtOnce(_ bytes: ByteBuffer) throws -> Bool {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            // A chunk may overdraw the credit, so that one larger than the window is not stuck for ever.
            guard state.credit > 0, state.waiters.isEmpty else { return false }
            state.credit -= bytes.readableBytes
            send(bytes)
            return true
        }
    }

    private func enqueue(_ waiter: Waiter) {
        let result: Result<Void, any Error>? = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.credit > 0, state.waiters.isEmpty {
                state.credit -= waiter.bytes.readableBytes
                send(waiter.bytes)
                return .success(())
            }
            state.waiters.append(waiter)
            return nil
        }
        if let result { waiter.continuation.resume(with: result) }
    }

    private func drop(_ id: Int) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }
}
