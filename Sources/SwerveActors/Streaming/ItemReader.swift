internal import DequeModule
package import NIOCore
internal import SwerveCore
internal import Synchronization

/// The reading end of a stream that another process writes.
package final class ItemReader: OpenStream {
    private typealias Continuation = UnsafeContinuation<Void, Never>

    /// The connection's side of the stream.
    package protocol Source: AnyObject, Sendable {
        /// Asks for the elements of a stream that the writer does not send by itself. Called at most once, before the
        /// first wait.
        func start(for reader: ItemReader)
        /// The reader took this many bytes.
        func took(_ bytes: Int)
        /// Nobody reads any more.
        func cancel()
    }

    private struct State {
        var source: (any Source)?
        var isStarted = false
        var chunks = Deque<ByteBuffer>()
        /// The end: without or with an error.
        var end: (error: (any Error)?, Void)?
        var reader: Continuation?
        var whenOver = WhenOver()
    }

    /// Resolves references to deployments in the elements.
    let system: ServeSystem
    /// How many elements the writer may be ahead.
    let maxAhead: Int
    private let state: Mutex<State>

    package init(_ source: any Source, maxAhead: Int, system: ServeSystem) {
        self.system = system
        self.maxAhead = maxAhead
        self.state = Mutex(State(source: source))
    }

    var isUsed: Bool { state.withLock { $0.isStarted } }

    // MARK: The connection's side

    package func received(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        let reader = state.withLock { state -> Continuation? in
            guard state.end == nil else { return nil }
            state.chunks.append(bytes)
            return state.reader.take()
        }
        reader?.resume()
    }

    /// The stream is over.
    package func ended(_ error: (any Error)?) {
        _ = over(error, because: error, dropsBytes: false)
    }

    /// - Parameters:
    ///   - error: what the reader gets.
    ///   - reason: what broke the stream off.
    /// - Returns: the source of a stream that was not over.
    private func over(
        _ error: (any Error)?,
        because reason: (any Error)?,
        dropsBytes: Bool
    ) -> (any Source)? {
        let (source, reader, due) = state.withLock { state -> ((any Source)?, Continuation?, WhenOver.Due?) in
            if dropsBytes { state.chunks.removeAll() }
            guard state.end == nil else {
                if dropsBytes { state.end = (error, ()) }
                return (nil, nil, nil)
            }
            state.end = (error, ())
            return (state.source.take(), state.reader.take(), state.whenOver.take(reason))
        }
        reader?.resume()
        due?.call()
        return source
    }

    package func abandon() { over(CancellationError(), because: nil, dropsBytes: true)?.cancel() }
    package func fail(_ error: any Error) {
        over(error, because: error is CancellationError ? nil : error, dropsBytes: true)?.cancel()
    }

    package func whenOver(_ action: @escaping WhenOver.Action) {
        state.withLock { $0.whenOver.add(action) }?.call()
    }

    // MARK: Reading

    /// The next bytes, or `nil` at the end.
    ///
    /// - Throws: the error that ended the stream; `CancellationError` when the task is cancelled, which ends the stream.
    func nextChunk() async throws -> ByteBuffer? {
        while true {
            if Task.isCancelled {
                abandon()
                throw CancellationError()
            }
            let (chunk, end, start) = state.withLock { state in
                let isFirst = !state.isStarted
                state.isStarted = true
                return (state.chunks.popFirst(), state.end, isFirst ? state.source : nil)
            }
            start?.start(for: self)
            if let chunk { return chunk }
            if let end {
                if let error = end.error { throw error }
                return nil
            }
            await waitForBytes()
        }
    }

    /// Bytes that already wait.
    func takeReadyChunk() -> ByteBuffer? {
        state.withLock { $0.chunks.popFirst() }
    }

    /// The reader is done with this many bytes.
    func took(_ bytes: Int) {
        state.withLock { $0.end == nil ? $0.source : nil }?.took(bytes)
    }

    private func waitForBytes() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: Continuation) in
                let waits = state.withLock { state in
                    guard state.chunks.isEmpty, state.end == nil, !Task.isCancelled else { return false }
                    state.reader = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.reader.take() }?.resume()
        }
    }
}
