internal import SwerveCore

/// Elements that a distributed method returns or takes one after the other, while they are made.
///
/// ```swift
/// distributed func complete(_ prompt: String) -> ResponseStream<String> {
///     ResponseStream { writer in
///         for try await token in model.tokens(of: prompt) { try await writer.write(token) }
///     }
/// }
///
/// for try await token in try await model.complete("Once upon a time") { print(token) }
/// ```
/// It works in the same way in one process and between processes. A stream is the whole result of a method, or an
/// argument of a call.
///
/// * **Pace**: the writer waits when the reader is behind by `maxBuffered` elements, or between processes by 1 MiB; as an
///   HTTP response, when the client is behind by 1 MiB.
/// * **Place**: a stream that a method returns keeps its request's place in the replica until it is over.
/// * **Cancellation**: a reader that stops, or whose task is cancelled, ends the stream: the closure's task is cancelled
///   and its next `write` throws `CancellationError`.
/// * **Errors**: what the closure throws, the reader gets after the elements before it, with its type if that is
///   `Codable`. A lost replica is ``ServeError`` with code `replicaLost`; the deadline of the request
///   (``ServeContext``), `deadlineExceeded`.
/// * **Reading**: once, by one task. A stream that is an argument is over at the end of its call.
public struct ResponseStream<Element: Codable & Sendable>: AsyncSequence, Sendable {
    public typealias AsyncIterator = Iterator
    public typealias Failure = any Error

    enum Source: Sendable {
        case local(LocalStream<Element>)
        case items(ItemReader)
    }

    let source: Source
    private let handle: StreamHandle
    private let limit: Int?
    private let use: StreamUse

    /// A stream of what `produce` writes.
    ///
    /// - Parameters:
    ///   - maxBuffered: how many elements may wait for the reader. By default 64 within a process, and 1,024 between
    ///     processes. At least 1.
    ///   - produce: writes the elements, off the actor. It runs when the stream is returned to its caller, or for an
    ///     argument when it is first read. The stream ends when it returns.
    public init(
        maxBuffered: Int? = nil,
        _ produce: @escaping @concurrent @Sendable (StreamWriter<Element>) async throws -> Void
    ) {
        self.init(LocalStream(capacity: maxBuffered ?? StreamDefaults.maxBuffered, produce), limit: maxBuffered)
    }

    /// A stream of the elements of another sequence.
    public init<Elements: AsyncSequence & Sendable>(_ elements: Elements, maxBuffered: Int? = nil)
    where Elements.Element == Element {
        self.init(maxBuffered: maxBuffered) { writer in
            for try await element in elements { try await writer.write(element) }
        }
    }

    /// A stream of the elements of a collection.
    public init<Elements: Sequence & Sendable>(_ elements: Elements, maxBuffered: Int? = nil)
    where Elements.Element == Element {
        self.init(maxBuffered: maxBuffered) { writer in
            for element in elements { try await writer.write(element) }
        }
    }

    init(_ stream: LocalStream<Element>, limit: Int? = nil) {
        self.source = .local(stream)
        self.handle = StreamHandle(stream)
        self.limit = limit
        self.use = StreamUse()
    }

    /// The same stream for the method that a call in this process has it as an argument of: over at the end of the call.
    package func lent(by arguments: Arguments) -> ResponseStream {
        let use = StreamUse(of: self.use)
        arguments.lend(StreamLoan(use, handle))
        return ResponseStream(self, use)
    }

    private init(_ stream: ResponseStream, _ use: StreamUse) {
        self.source = stream.source
        self.handle = stream.handle
        self.limit = stream.limit
        self.use = use
    }

    package init(_ stream: UntypedStream) {
        self.source = .items(stream.reader)
        self.handle = stream.handle
        self.limit = nil
        self.use = StreamUse()
    }

    public func makeAsyncIterator() -> Iterator {
        if let problem = use.begin() { return Iterator(reading: .failure(problem)) }
        return Iterator(reading: .success(Reading(source, handle)))
    }

    /// Reads a stream. When it goes out of scope, the stream is over.
    public struct Iterator: AsyncIteratorProtocol {
        /// Or why the stream cannot be read.
        fileprivate let reading: Result<Reading, ServeError>

        /// The next element, or `nil` at the end.
        ///
        /// - Throws: what the stream's closure threw; ``ServeError``; `CancellationError` when the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> Element? {
            try await reading.get().next()
        }

        /// An element that is there already; `nil` if the next one has to be waited for.
        func takeReady() throws -> Element? { try reading.get().takeReady() }
    }

    /// What an iterator refers to. It ends the stream with the iterator, whoever else holds the stream.
    // Everything goes through this object, so that it lives as long as it is read.
    fileprivate final class Reading {
        private enum Elements {
            case local(LocalStream<Element>)
            case items(ItemElements<Element>)
        }
        private let elements: Elements
        private let handle: StreamHandle

        init(_ source: Source, _ handle: StreamHandle) {
            self.handle = handle
            switch source {
            case .local(let stream): self.elements = .local(stream)
            case .items(let reader): self.elements = .items(ItemElements(reader, maxAhead: reader.maxAhead))
            }
        }

        deinit {
            handle.open.abandon()
        }

        func next() async throws -> Element? {
            switch elements {
            case .local(let stream): try await stream.next()
            case .items(let items): try await items.next()
            }
        }

        func takeReady() throws -> Element? {
            switch elements {
            case .local(let stream): stream.takeReady()
            case .items(let items): try items.takeReady()
            }
        }
    }
}

extension ResponseStream: AnyResponseStream {
    package var open: any OpenStream { handle.open }

    package func begin(on executor: (any TaskExecutor)?) {
        if case .local(let stream) = source { stream.begin(on: executor) }
    }

    package func send(to writer: ItemWriter) async throws {
        // What is left of a stream that was read in part would look like the whole.
        if let problem = use.begin() { throw problem }
        // The stream ends with its handle, which nothing here uses.
        defer { withExtendedLifetime(handle) {} }
        switch source {
        case .local(let stream): try await stream.send(to: writer)
        case .items(let reader): try await reader.forward(to: writer)
        }
    }

    /// Writes the elements into an HTTP response.
    func send(to sink: ElementSink<Element>) async throws {
        guard case .local(let stream) = source else {
            for try await element in self { try await sink.write(element) }
            return
        }
        if let problem = use.begin() { throw problem }
        defer { withExtendedLifetime(handle) {} }
        try await stream.send(to: sink)
    }

    package var maxAhead: Int {
        switch source {
        case .local: limit.map { Swift.max(1, $0) } ?? StreamDefaults.maxAhead
        case .items(let reader): reader.maxAhead
        }
    }

    package var isUsed: Bool {
        switch source {
        case .local(let stream): stream.isBegun
        case .items(let reader): reader.isUsed
        }
    }

    public func encode(to encoder: any Encoder) throws {
        guard let writer = encoder as? BinaryWriter else { throw StreamDefaults.notEncodable }
        try writer.write(stream: self)
    }

    public init(from decoder: any Decoder) throws {
        guard let reader = decoder as? BinaryReader, let streams = reader.streams else {
            throw ServeError(.invalidArgument, "a ResponseStream can be decoded only among the arguments of a call")
        }
        let (position, maxAhead) = try reader.streamPosition()
        self.init(UntypedStream(streams.open(position, maxAhead: maxAhead)))
    }
}

/// Where the closure of a ``ResponseStream`` writes its elements. Several tasks may write.
public struct StreamWriter<Element: Codable & Sendable>: Sendable {
    enum Target: Sendable {
        case local(LocalStream<Element>)
        case items(ItemWriter)
        case sink(ElementSink<Element>)
    }
    private let target: Target

    init(_ target: Target) {
        self.target = target
    }

    /// Writes an element, after waiting if the reader is behind.
    ///
    /// - Throws: `CancellationError` when nobody reads any more or the task is cancelled; ``ServeError`` with code
    ///   `unencodable` or `tooLarge` for an element that cannot travel to another process.
    public func write(_ element: Element) async throws {
        switch target {
        case .local(let stream): try await stream.write(element)
        case .items(let writer): try await writer.write(element)
        case .sink(let sink): try await sink.write(element)
        }
    }
}
