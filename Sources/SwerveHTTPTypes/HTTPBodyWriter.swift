public import NIOCore
internal import SwerveCore
internal import Synchronization

/// Where the closure of a streamed response writes its chunks.
///
/// Writers wait for a slow client: at most a window of bytes is on the way, in a limited number of chunks. The response
/// ends when the closure returns. If it throws, the connection is cut, so that the client does not mistake a partial
/// response for a whole one.
public final class HTTPBodyWriter: Sendable {
    private struct Waiter: Sendable {
        let id: Int
        let bytes: ByteBuffer
        let continuation: CheckedContinuation<Void, any Error>
    }

    /// What is sent when nothing else is.
    private struct KeepAlive: Sendable {
        let interval: TimeAmount
        let bytes: ByteBuffer
        /// When something was last sent.
        var lastSent: NIODeadline
        var timer: Scheduled<Void>?
    }

    private struct State: Sendable {
        var credit: Int
        /// The sizes of the chunks on the way; grants cover them in order.
        var sent = CircularBuffer<Int>()
        let maxChunks: Int
        var nextID = 0
        var waiters: [Waiter] = []
        /// What was appended and not sent.
        var gathered = ByteBuffer()
        var failure: (any Error)?
        var keepAlive: KeepAlive?

        /// A chunk may overdraw the credit, so that one larger than the window does not wait for ever.
        var maySend: Bool { credit > 0 && sent.count < maxChunks }

        /// Whether what was appended leaves now: nothing else is on the way, or it is enough.
        var isGatheredDue: Bool {
            guard gathered.readableBytes > 0, maySend, waiters.isEmpty else { return false }
            return sent.isEmpty || gathered.readableBytes >= HTTPBodyWriter.enough
        }

        mutating func takeGathered() -> ByteBuffer {
            defer { gathered = ByteBuffer() }
            return gathered
        }

        mutating func note(_ bytes: ByteBuffer) {
            credit -= bytes.readableBytes
            sent.append(bytes.readableBytes)
        }

        mutating func grant(_ bytes: Int) {
            credit += bytes
            var left = bytes
            while left > 0, let first = sent.first {
                if first > left {
                    sent[sent.startIndex] = first - left
                } else {
                    sent.removeFirst()
                }
                left -= first
            }
        }
    }

    /// A chunk on the way costs about this much however small it is, so the window allows one chunk for each of these.
    private static let bytesPerChunk = 256
    /// How many appended bytes leave without waiting for others: 16 KiB.
    private static let enough = 16 << 10

    private let state: Mutex<State>
    private let clock: (any EventLoop)?
    private let send: @Sendable (ByteBuffer) -> Void
    /// Compresses what is written, and writes it to the writer that it was made for.
    private let compressor: CompressedBody?

    /// - Parameters:
    ///   - window: how many bytes may be sent before the transport grants more, in at most one chunk for every 256
    ///     bytes, or 16 chunks if that is more.
    ///   - clock: the event loop whose time and timers ``keepAlive(every:_:)`` uses; `nil` for a writer without.
    ///   - send: takes a chunk without waiting. It is called with a lock held, so that chunks keep their order: it must
    ///     not call the writer.
    package init(window: Int, clock: (any EventLoop)? = nil, send: @escaping @Sendable (ByteBuffer) -> Void) {
        self.state = Mutex(State(credit: window, maxChunks: max(16, window / Self.bytesPerChunk)))
        self.clock = clock
        self.send = send
        self.compressor = nil
    }

    /// A writer in front of another one.
    init(_ compressor: CompressedBody) {
        self.state = Mutex(State(credit: 0, maxChunks: 0))
        self.clock = nil
        self.send = { _ in }
        self.compressor = compressor
    }

    /// Sends a chunk, after waiting if the client is behind. An empty chunk does nothing.
    ///
    /// - Throws: `CancellationError` if the client is gone or the task is cancelled; then nothing was sent.
    public func write(_ bytes: ByteBuffer) async throws {
        try Task.checkCancellation()
        guard bytes.readableBytes > 0 else { return }
        if let compressor { return try await compressor.write(bytes) }
        guard try !sendAtOnce(bytes) else { return }
        try await wait(with: bytes)
    }

    /// - Parameter bytes: sent after everything before it; none to wait until writing is possible.
    private func wait(with bytes: ByteBuffer) async throws {
        let id = makeID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(Waiter(id: id, bytes: bytes, continuation: continuation))
            }
        } onCancel: {
            drop(id)
        }
    }

    /// Sends the bytes that `make` passes on, in the order in which it makes them, after waiting if the client is
    /// behind. Cancelling the task ends the writer: a part that is made and not sent would leave a gap.
    ///
    /// - Parameter make: passes its part to `enqueue`, or throws.
    func write(madeBy make: (_ enqueue: (ByteBuffer) -> Void) throws -> Void) async throws {
        let id = makeID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do {
                    try make { enqueue(Waiter(id: id, bytes: $0, continuation: continuation)) }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Whether ``append(_:)`` can be used: the writer sends what it gets as it is.
    package var gathers: Bool { compressor == nil }

    /// Adds to a chunk, after waiting if the client is behind. The chunk leaves at once if nothing is on the way to the
    /// client; otherwise when the client has taken that, or the chunk is large. So small parts leave together, and none
    /// waits for the next one. Other writes come after it in their order; at the end comes ``flush()``.
    ///
    /// - Parameter add: writes at the end. It is called with a lock held: it must not call the writer. When it throws,
    ///   nothing is added.
    /// - Throws: `CancellationError` if the client is gone or the task is cancelled, and what `add` throws.
    package func append(_ add: (inout ByteBuffer) throws -> Void) async throws {
        while true {
            try Task.checkCancellation()
            if try addAtOnce(add) { return }
            try await wait(with: ByteBuffer())
        }
    }

    private func addAtOnce(_ add: (inout ByteBuffer) throws -> Void) throws -> Bool {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            guard state.waiters.isEmpty, state.gathered.readableBytes < Self.enough else { return false }
            let end = state.gathered.writerIndex
            do {
                try add(&state.gathered)
            } catch {
                state.gathered.moveWriterIndex(to: end)
                throw error
            }
            if state.isGatheredDue { send(state.takeGathered(), &state) }
            return true
        }
    }

    /// Sends what was appended, after waiting if the client is behind.
    package func flush() async throws {
        if state.withLock({ $0.gathered.readableBytes > 0 }) { try await wait(with: ByteBuffer()) }
    }

    /// How many writes wait for the client.
    var waiting: Int { state.withLock { $0.waiters.count } }

    private func makeID() -> Int {
        state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
    }

    /// Sends text as UTF-8.
    public func write(_ text: String) async throws {
        try await write(ByteBuffer(string: text))
    }

    /// The client took `bytes` more bytes.
    package func grant(_ bytes: Int) {
        let ready = state.withLock { state in
            state.grant(bytes)
            var ready: [CheckedContinuation<Void, any Error>] = []
            while state.maySend, let first = state.waiters.first {
                state.waiters.removeFirst()
                sendAll(and: first.bytes, &state)
                ready.append(first.continuation)
            }
            if state.isGatheredDue { send(state.takeGathered(), &state) }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }

    /// Ends the writer: every waiting and every later write throws `error`.
    package func cancel(_ error: any Error = CancellationError()) {
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = error }
            // Nothing more is sent.
            state.gathered = ByteBuffer()
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    /// Sends what was appended before, and these.
    private func sendAll(and bytes: ByteBuffer, _ state: inout State) {
        guard state.gathered.readableBytes > 0 else {
            if bytes.readableBytes > 0 { send(bytes, &state) }
            return
        }
        var all = state.takeGathered()
        all.writeImmutableBuffer(bytes)
        send(all, &state)
    }

    private func send(_ bytes: ByteBuffer, _ state: inout State) {
        state.note(bytes)
        if state.keepAlive != nil, let clock { state.keepAlive?.lastSent = clock.now }
        send(bytes)
    }

    private func sendAtOnce(_ bytes: ByteBuffer) throws -> Bool {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            guard state.maySend, state.waiters.isEmpty else { return false }
            sendAll(and: bytes, &state)
            return true
        }
    }

    private func enqueue(_ waiter: Waiter) {
        let result: Result<Void, any Error>? = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.maySend, state.waiters.isEmpty {
                sendAll(and: waiter.bytes, &state)
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

    // MARK: Silence

    /// Sends `bytes` whenever nothing was sent for `interval`, until ``endKeepAlive()``. A client that is behind gets
    /// none, because there is something on its way. Does nothing for content that is compressed.
    package func keepAlive(every interval: Duration, _ bytes: ByteBuffer) {
        guard let clock else { return }
        let interval = TimeAmount.nanoseconds(interval.nanoseconds)
        state.withLock { $0.keepAlive = KeepAlive(interval: interval, bytes: bytes, lastSent: clock.now) }
        schedule(at: clock.now + interval, on: clock)
    }

    package func endKeepAlive() {
        state.withLock { $0.keepAlive.take() }?.timer?.cancel()
    }

    private func schedule(at time: NIODeadline, on clock: any EventLoop) {
        let timer = clock.scheduleTask(deadline: time) { [weak self] () -> Void in self?.tick(clock) }
        let isOver = state.withLock { state in
            state.keepAlive?.timer = timer
            return state.keepAlive == nil
        }
        if isOver { timer.cancel() }
    }

    private func tick(_ clock: any EventLoop) {
        let next = state.withLock { state -> NIODeadline? in
            // A client that is gone gets nothing more.
            guard state.failure == nil, var keepAlive = state.keepAlive else { return nil }
            if clock.now - keepAlive.lastSent >= keepAlive.interval {
                if state.maySend, state.waiters.isEmpty, state.gathered.readableBytes == 0 {
                    state.note(keepAlive.bytes)
                    send(keepAlive.bytes)
                }
                keepAlive.lastSent = clock.now
                state.keepAlive = keepAlive
            }
            return keepAlive.lastSent + keepAlive.interval
        }
        if let next { schedule(at: next, on: clock) }
    }
}
