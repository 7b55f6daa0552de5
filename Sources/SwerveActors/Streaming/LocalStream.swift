internal import SwerveCore
internal import SwerveRouting
internal import Synchronization

/// A stream whose elements are made in this process: the shell of ``StreamBuffer``.
final class LocalStream<Element: Codable & Sendable>: OpenStream {
    typealias Produce = @concurrent @Sendable (StreamWriter<Element>) async throws -> Void
    typealias Continuation = UnsafeContinuation<Void, Never>

    private struct State {
        var buffer: StreamBuffer<Element>
        /// Makes the elements; `nil` once it was begun.
        var produce: Produce?
        var task: Task<Void, Never>?
        /// Whether nobody wants more elements.
        var isCancelled = false
        var reader: Continuation?
        var writers: [Int: Continuation] = [:]
        var nextWriter = 0
        var whenOver = WhenOver()

        mutating func resumed(_ ids: [Int]) -> [Continuation] {
            ids.isEmpty ? [] : ids.compactMap { writers.removeValue(forKey: $0) }
        }
        mutating func takeReader(if isWoken: Bool) -> Continuation? {
            isWoken ? reader.take() : nil
        }
    }

    /// Those of the code that made the stream.
    private let context: ServeContext?
    private let working = WorkingReplica.current
    /// Where the elements of an argument are made; `nil` is the Swift pool.
    private let executor = ServeContext.executor
    private let state: Mutex<State>

    init(capacity: Int, _ produce: @escaping Produce) {
        self.context = ServeContext.current
        self.state = Mutex(State(buffer: StreamBuffer(capacity: capacity), produce: produce))
    }

    var isBegun: Bool { state.withLock { $0.produce == nil } }

    // MARK: The producer

    /// Begins to make the elements, in a task of its own.
    ///
    /// - Parameter executor: where the task runs; `nil` is the Swift pool.
    func begin(on executor: (any TaskExecutor)?) {
        guard let produce = takeProduce() else { return }
        // Unstructured: the stream lives until it is read to its end or abandoned.
        let task = Task(executorPreference: executor) { await self.run(produce) }
        let isCancelled = state.withLock { state in
            if state.buffer.isOpen { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// - Returns: `nil` if somebody else began or ended the stream.
    private func takeProduce() -> Produce? {
        state.withLock { state in
            defer { state.produce = nil }
            return state.isCancelled ? nil : state.produce
        }
    }

    private func run(_ produce: @escaping Produce) async {
        do {
            try await run(produce, StreamWriter(.local(self)))
            end(nil, because: nil)
        } catch {
            end(error, because: error)
        }
    }

    private func run(_ produce: Produce, _ writer: StreamWriter<Element>) async throws {
        try await WorkingReplica.with(working) {
            guard let context, ServeContext.current == nil else { return try await produce(writer) }
            try await ServeContext.$current.withValue(context) { try await produce(writer) }
        }
    }

    /// The producer has ended.
    ///
    /// - Parameter reason: what broke the stream off.
    private func end(_ error: (any Error)?, because reason: (any Error)?) {
        let (reader, writers, due) = state.withLock { state in
            let (wakesReader, resuming) = state.buffer.finish(error)
            state.task = nil
            return (state.takeReader(if: wakesReader), state.resumed(resuming), state.whenOver.take(reason))
        }
        reader?.resume()
        for writer in writers { writer.resume() }
        due.call()
    }

    /// Makes the elements for a reader in another process, in this task.
    func send(to writer: ItemWriter) async throws {
        guard let produce = takeProduce() else {
            while let element = try await next() { try await writer.write(element) }
            return
        }
        do {
            try await run(produce, StreamWriter(.items(writer)))
            end(nil, because: nil)
        } catch {
            // The writer throws it when the reader, in another process, wants no more.
            end(error, because: error is CancellationError ? nil : error)
            throw error
        }
    }

    /// Makes the elements for an HTTP response, in this task.
    func send(to sink: ElementSink<Element>) async throws {
        guard let produce = takeProduce() else {
            while let element = try await next() { try await sink.write(element) }
            return
        }
        do {
            try await run(produce, StreamWriter(.sink(sink)))
            end(nil, because: nil)
        } catch {
            // The sink throws it when the client is gone.
            end(error, because: error is CancellationError ? nil : error)
            throw error
        }
    }

    // MARK: Writing

    /// - Throws: `CancellationError` when the task is cancelled or nobody reads any more.
    func write(_ element: Element) async throws {
        while true {
            try Task.checkCancellation()
            let (action, reader) = state.withLock { state -> (StreamBuffer<Element>.WriteAction, Continuation?) in
                let action = state.buffer.write(element)
                guard case .stored(let wakesReader) = action else { return (action, nil) }
                return (action, state.takeReader(if: wakesReader))
            }
            reader?.resume()
            switch action {
            case .stored: return
            case .full: await waitForRoom()
            case .over: throw CancellationError()
            }
        }
    }

    private func waitForRoom() async {
        let id = state.withLock { state in
            defer { state.nextWriter += 1 }
            return state.nextWriter
        }
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: Continuation) in
                let waits = state.withLock { state in
                    guard state.buffer.isFull, !Task.isCancelled else { return false }
                    state.buffer.wait(id)
                    state.writers[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let writer = state.withLock { $0.buffer.cancel(id) ? $0.writers.removeValue(forKey: id) : nil }
            writer?.resume()
        }
    }

    // MARK: Reading

    /// - Throws: what the producer threw; `CancellationError` when the task is cancelled, which ends the stream.
    func next() async throws -> Element? {
        while true {
            if Task.isCancelled {
                abandon()
                throw CancellationError()
            }
            let (action, writers) = state.withLock { state -> (StreamBuffer<Element>.ReadAction, [Continuation]) in
                let action = state.buffer.read()
                guard case .element(_, let resuming) = action else { return (action, []) }
                return (action, state.resumed(resuming))
            }
            for writer in writers { writer.resume() }
            switch action {
            case .element(let element, _): return element
            case .wait:
                begin(on: executor)
                await waitForElement()
            case .end(let error):
                if let error { throw error }
                return nil
            }
        }
    }

    /// An element that already waits.
    func takeReady() -> Element? {
        let (element, writers) = state.withLock { state -> (Element?, [Continuation]) in
            guard let (element, resuming) = state.buffer.readWaiting() else { return (nil, []) }
            return (element, state.resumed(resuming))
        }
        for writer in writers { writer.resume() }
        return element
    }

    private func waitForElement() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: Continuation) in
                let waits = state.withLock { state in
                    guard state.buffer.isOpen, state.buffer.count == 0, !Task.isCancelled else { return false }
                    state.reader = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let reader = state.withLock { state in
                state.buffer.stopWaiting()
                return state.reader.take()
            }
            reader?.resume()
        }
    }

    // MARK: The end

    func abandon() {
        let (writers, reader, task, due) = state.withLock { state in
            let writers = state.resumed(state.buffer.abandon())
            state.isCancelled = true
            // A producer that was begun tells at its end.
            let isIdle = state.produce.take() != nil
            state.whenOver.note(nil)
            return (writers, state.reader.take(), state.task.take(), isIdle ? state.whenOver.take(nil) : nil)
        }
        task?.cancel()
        reader?.resume()
        for writer in writers { writer.resume() }
        due?.call()
    }

    func fail(_ error: any Error) {
        let (writers, reader, task, due) = state.withLock { state in
            let (wakesReader, resuming) = state.buffer.finish(error, dropsElements: true)
            state.isCancelled = true
            let isIdle = state.produce.take() != nil
            state.whenOver.note(error is CancellationError ? nil : error)
            return (
                state.resumed(resuming), state.takeReader(if: wakesReader), state.task.take(),
                isIdle ? state.whenOver.take(nil) : nil
            )
        }
        task?.cancel()
        reader?.resume()
        for writer in writers { writer.resume() }
        due?.call()
    }

    func whenOver(_ action: @escaping WhenOver.Action) {
        state.withLock { $0.whenOver.add(action) }?.call()
    }
}
