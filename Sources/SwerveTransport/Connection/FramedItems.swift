internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// The reading end of a stream of elements that comes over a connection: the result of a call, or an argument of one.
final class FramedItems: StreamOwner, ItemReader.Source {
    let number: Atomic<UInt64>
    private let connection: PeerConnection
    /// Where an argument comes from: the caller's number of the call, and the position among its streams. `nil` for a
    /// result, whose elements come without being asked for.
    private let argument: (call: UInt64, position: UInt32)?
    private let state = Mutex(State())

    private struct State {
        var reader: ItemReader?
        var taken = ConsumedBytes()
        var isOpen = false
    }

    /// The result of the call that has this number.
    init(resultOf call: UInt64, _ connection: PeerConnection) {
        self.number = Atomic(call)
        self.connection = connection
        self.argument = nil
    }

    init(argument position: UInt32, of call: UInt64, _ connection: PeerConnection) {
        self.number = Atomic(0)
        self.connection = connection
        self.argument = (call, position)
    }

    /// The reader of a result.
    func makeReader(maxAhead: Int) -> ItemReader {
        let reader = ItemReader(self, maxAhead: maxAhead, system: connection.hosted.system)
        state.withLock { state in
            state.reader = reader
            state.isOpen = true
        }
        return reader
    }

    // MARK: The reader's side

    func start(for reader: ItemReader) {
        guard let argument else { return }
        state.withLock { $0.reader = reader }
        let failure = connection.open(.requestItems, self) {
            $0.writeMultipleIntegers(argument.call, argument.position, endianness: .little)
        }
        switch failure {
        case nil: state.withLock { $0.isOpen = true }
        case .closed(let reason): lost(started: false, reason: reason)
        case .tooManyStreams: end(ServeError.tooManyStreams)
        }
    }

    func took(_ bytes: Int) {
        let credit = state.withLock { $0.taken.reported(bytes) }
        connection.sendCredit(.responseCredit, stream: number.load(ordering: .relaxed), credit)
    }

    func cancel() {
        // A stream that nobody asked for needs no cancellation; the call's end ends it.
        guard number.load(ordering: .relaxed) != 0 else { return }
        connection.send(.requestCancel, stream: number.load(ordering: .relaxed)) { _ in }
    }

    // MARK: The connection's side

    func received(_ kind: FrameKind, _ body: ByteBuffer, shared: ByteBuffer?) throws {
        switch kind {
        case .responseData: try receivedPart(body)
        case .responseEnd:
            try receivedPart(body)
            end(nil)
        case .responseFailure: end(Failures.decode(body, from: nil, connection.hosted.system))
        case .responseRefused:
            end(ServeError(.invalidArgument, "the stream is over: its call has ended, or it was read before"))
        default: throw ServeError(.protocolViolation, "\(kind) within a stream of elements")
        }
    }

    private func receivedPart(_ bytes: ByteBuffer) throws {
        let reader = try state.withLock { state throws -> ItemReader? in
            guard state.taken.received(bytes.readableBytes) else { throw FramedHTTPStream.cameTooFast }
            return state.reader
        }
        reader?.received(bytes)
    }

    func lost(started: Bool, reason: String) {
        end(ServeError(.replicaLost, "the connection broke before the stream ended: \(reason)"))
    }

    private func end(_ error: (any Error)?) {
        state.withLock { $0.reader.take() }?.ended(error)
    }
}

/// The streams among the arguments of a call that came over a connection.
final class FramedArguments: ArgumentStreams {
    private let call: UInt64
    private let connection: PeerConnection

    init(of call: UInt64, _ connection: PeerConnection) {
        self.call = call
        self.connection = connection
    }

    func open(_ position: UInt32, maxAhead: Int) -> ItemReader {
        ItemReader(
            FramedItems(argument: position, of: call, connection),
            maxAhead: maxAhead,
            system: connection.hosted.system
        )
    }
}

/// Sends the elements of an argument to the replica that reads them.
final class ServedStream: Sendable {
    private let writer: ItemWriter
    private let task = Mutex<(task: Task<Void, Never>?, isCancelled: Bool)>((nil, false))

    init(_ stream: any AnyResponseStream, _ reply: FramedReply) {
        self.writer = ItemWriter(maxAhead: stream.maxAhead) { reply.send(.bytes($0)) }
    }

    /// - Parameter executor: where the elements are made; `nil` is the Swift pool.
    func start(_ stream: any AnyResponseStream, _ reply: FramedReply, on executor: (any TaskExecutor)?) {
        let writer = writer
        // Unstructured: ends with the stream, or with the call that it is an argument of.
        let task = Task(executorPreference: executor) {
            do {
                try await stream.send(to: writer)
                // A writer that hides its cancellation must not make a part look like the whole.
                try Task.checkCancellation()
                writer.finish()
                reply.send(.end)
            } catch {
                writer.finish()
                reply.send(.failure(error))
            }
        }
        let isCancelled = self.task.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    func took(_ bytes: Int) { writer.took(bytes) }

    func cancel() {
        let task = task.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
        writer.cancel()
    }
}
