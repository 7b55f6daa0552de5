package import NIOCore
internal import SwerveCore
internal import Synchronization

/// A bounded pipe from a transport to one reader.
///
/// The producer never waits. It pushes what arrives; `onConsumed` reports the number of bytes that the reader took,
/// which the producer returns to its peer as credit. If it pushes more than `window` bytes ahead of the reader, it
/// breaks the protocol and the stream fails. Waiting bytes are kept in few buffers, however small the pushed ones are
/// (see ``ByteQueue``), so the window bounds the memory and not only the bytes. `onAbandon` is called at most once, if
/// the reader gives up before the end.
///
/// Both callbacks run on whatever thread caused them, without a lock held, and are released when the stream has ended.
package final class HTTPBodyStream: Sendable {
    private let state: Mutex<HTTPBodyStreamState>

    /// - Parameter window: how many bytes may wait for the reader; 1 MiB by default.
    package init(
        window: Int = 1 << 20,
        onConsumed: (@Sendable (Int) -> Void)? = nil,
        onAbandon: (@Sendable () -> Void)? = nil
    ) {
        self.state = Mutex(HTTPBodyStreamState(window: window, onConsumed: onConsumed, onAbandon: onAbandon))
    }

    /// Hands over the next bytes. Empty buffers, and bytes after the end, are dropped.
    package func push(_ bytes: ByteBuffer) {
        perform { $0.push(bytes) }
    }

    /// Ends the stream; the reader gets the waiting bytes first.
    package func finish() {
        perform { $0.end(nil) }
    }

    /// Ends the stream with an error; the reader gets the waiting bytes first.
    package func fail(_ error: any Error) {
        perform { $0.end(error) }
    }

    /// The reader gives up. The waiting bytes are dropped.
    package func abandon() {
        perform { $0.abandon() }
    }

    /// Whether the caller is the first to read.
    func claim() -> Bool {
        state.withLock { $0.claim() }
    }

    func next(isolation: isolated (any Actor)?) async throws -> ByteBuffer? {
        if let ready = try takeReady() { return ready.bytes }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                perform { $0.wait(continuation) }
            }
        } onCancel: {
            abandon()
        }
    }

    /// The next result if it is available without waiting; `nil` if the reader has to wait.
    private func takeReady() throws -> (bytes: ByteBuffer?, Void)? {
        let (result, action) = state.withLock { $0.takeReady() }
        run(action)
        return try result.map { (try $0.get(), ()) }
    }

    private func perform(_ event: (inout HTTPBodyStreamState) -> HTTPBodyStreamState.Action) {
        run(state.withLock { event(&$0) })
    }

    private func run(_ action: HTTPBodyStreamState.Action) {
        switch action {
        case .none: break
        case .resume(let reader, let result, let consumed):
            if let consumed { consumed.callback?(consumed.bytes) }
            reader.resume(with: result)
        case .consumed(let consumed): consumed.callback?(consumed.bytes)
        case .abandoned(let callback, let reader):
            callback?()
            reader?.resume(throwing: CancellationError())
        }
    }
}

/// The state of a body stream. Each event returns what to do once the lock is released.
struct HTTPBodyStreamState: Sendable {
    typealias Reader = CheckedContinuation<ByteBuffer?, any Error>

    struct Consumed: Sendable {
        let bytes: Int
        let callback: (@Sendable (Int) -> Void)?
    }

    enum Action: Sendable {
        case none
        case resume(Reader, Result<ByteBuffer?, any Error>, Consumed?)
        case consumed(Consumed)
        case abandoned((@Sendable () -> Void)?, Reader?)
    }

    private enum Phase: Sendable {
        /// Bytes may arrive. Goes to every other phase.
        case open
        /// A reader waits, so nothing is in the queue. Goes to every other phase.
        case waiting(Reader)
        /// No more bytes arrive, but the queue may hold some. Goes to `over`.
        case ended((any Error)?)
        /// Everything was read, or the reader gave up; pushed bytes are dropped. Final.
        case over(abandoned: Bool)
    }

    private var phase = Phase.open
    private var queue = ByteQueue()
    private var isClaimed = false
    private let window: Int
    private var onConsumed: (@Sendable (Int) -> Void)?
    private var onAbandon: (@Sendable () -> Void)?

    init(window: Int, onConsumed: (@Sendable (Int) -> Void)?, onAbandon: (@Sendable () -> Void)?) {
        self.window = window
        self.onConsumed = onConsumed
        self.onAbandon = onAbandon
    }

    mutating func claim() -> Bool {
        defer { isClaimed = true }
        return !isClaimed
    }

    mutating func push(_ bytes: ByteBuffer) -> Action {
        let count = bytes.readableBytes
        guard count > 0 else { return .none }
        switch phase {
        case .ended, .over:
            return .none
        case .waiting(let reader):
            phase = .open
            return .resume(reader, .success(bytes.withoutWaste()), Consumed(bytes: count, callback: onConsumed))
        case .open:
            guard queue.bytes + count <= window else {
                return end(ServeError(.protocolViolation, "more of a request body arrived than was asked for"))
            }
            queue.append(bytes)
            return .none
        }
    }

    mutating func end(_ error: (any Error)?) -> Action {
        switch phase {
        case .ended, .over:
            return .none
        case .open:
            phase = .ended(error)
            return .none
        case .waiting(let reader):
            close(abandoned: false)
            return .resume(reader, error.map { .failure($0) } ?? .success(nil), nil)
        }
    }

    /// The next result and what to tell the producer; the result is `nil` if the reader has to wait.
    mutating func takeReady() -> (Result<ByteBuffer?, any Error>?, Action) {
        if let bytes = queue.take() {
            return (.success(bytes), .consumed(Consumed(bytes: bytes.readableBytes, callback: onConsumed)))
        }
        switch phase {
        case .open:
            return (nil, .none)
        case .waiting:
            return (.failure(ServeError(.invalidOptions, "only one task at a time can read a request body")), .none)
        case .ended(let error):
            close(abandoned: false)
            return (error.map { .failure($0) } ?? .success(nil), .none)
        case .over(let abandoned):
            return (abandoned ? .failure(CancellationError()) : .success(nil), .none)
        }
    }

    /// The reader waits for the next result, unless one has arrived since it found nothing.
    mutating func wait(_ reader: Reader) -> Action {
        let (result, action) = takeReady()
        guard let result else {
            phase = .waiting(reader)
            return .none
        }
        if case .consumed(let consumed) = action { return .resume(reader, result, consumed) }
        return .resume(reader, result, nil)
    }

    mutating func abandon() -> Action {
        let callback = onAbandon
        switch phase {
        case .over:
            return .none
        case .open:
            close(abandoned: true)
            return .abandoned(callback, nil)
        case .ended(let error):
            // If only the end is left unread, nothing is lost.
            let lost = !queue.isEmpty || error != nil
            close(abandoned: true)
            return lost ? .abandoned(callback, nil) : .none
        case .waiting(let reader):
            close(abandoned: true)
            return .abandoned(callback, reader)
        }
    }

    private mutating func close(abandoned: Bool) {
        phase = .over(abandoned: abandoned)
        queue = ByteQueue()
        onConsumed = nil
        onAbandon = nil
    }
}
