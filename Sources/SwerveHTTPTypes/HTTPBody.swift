public import NIOCore
internal import SwerveCore

/// The content of a request: bytes in memory, or a stream of bytes.
///
/// Content that the client coded (`content-encoding: gzip`) is decoded while it is read.
///
/// Read it once, with ``collect(upTo:)``, ``text(upTo:)`` or a `for try await` loop. A stream's bytes are gone once
/// they have been read, and a second reader of a stream gets an error with code `invalidOptions`. Reading slowly slows
/// the client down. Giving up (leaving the loop, dropping the request, cancelling the task) tells the server that the
/// rest is not wanted.
public struct HTTPBody: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer

    /// The most bytes that ``collect(upTo:)`` takes by default: 64 MiB.
    public static let defaultCollectLimit = 64 << 20

    private enum Storage: Sendable {
        case bytes(ByteBuffer)
        case stream(HTTPBodyReader)
        indirect case coded(HTTPBody, ContentDecoding)
    }

    private let storage: Storage

    /// No content.
    public static let empty = HTTPBody(ByteBuffer())

    public init(_ bytes: ByteBuffer) {
        self.storage = .bytes(bytes)
    }

    public init(_ text: String) {
        self.storage = .bytes(ByteBuffer(string: text))
    }

    /// The consumer's end of `stream`. Make only one body of a stream: when it is gone, the stream counts as abandoned.
    package init(stream: HTTPBodyStream) {
        self.storage = .stream(HTTPBodyReader(stream: stream))
    }

    /// `body` without its codings.
    package init(_ body: HTTPBody, decoding: ContentDecoding) {
        self.storage = .coded(body, decoding)
    }

    /// The whole content if it is in memory; `nil` for a stream and for content that has yet to be decoded.
    public var completeBytes: ByteBuffer? {
        if case .bytes(let bytes) = storage { bytes } else { nil }
    }

    /// The whole content in one buffer.
    ///
    /// - Parameter maxBytes: the most bytes to take, counted after decoding. A buffer holds less than 4 GiB, so a larger
    ///   number means 4 GiB less one byte.
    /// - Throws: ``ServeError`` with code `tooLarge` (HTTP 413) if there are more, ``ServeHTTPError`` with status 400
    ///   for coded content that is damaged and 413 for content that grows too much, `CancellationError`, and what ended
    ///   the stream early.
    public func collect(upTo maxBytes: Int = HTTPBody.defaultCollectLimit) async throws -> ByteBuffer {
        switch storage {
        case .bytes(let bytes):
            if bytes.readableBytes > maxBytes { throw Self.tooLarge(maxBytes) }
            return bytes
        case .stream: return try await collectStream(upTo: maxBytes)
        case .coded: return try await collectDecoded(upTo: maxBytes)
        }
    }

    /// Decodes on the Swift pool, so that long content does not hold the caller's actor.
    @concurrent private func collectDecoded(upTo maxBytes: Int) async throws -> ByteBuffer {
        try await collectStream(upTo: maxBytes)
    }

    /// The limit that holds when a caller allows `maxBytes`.
    static func collectLimit(_ maxBytes: Int) -> Int { Swift.min(maxBytes, Int(UInt32.max)) }

    private func collectStream(upTo maxBytes: Int) async throws -> ByteBuffer {
        let maxBytes = Self.collectLimit(maxBytes)
        var all: ByteBuffer?
        for try await chunk in self {
            guard var sum = all.take() else {
                if chunk.readableBytes > maxBytes { throw Self.tooLarge(maxBytes) }
                all = chunk
                continue
            }
            if sum.readableBytes + chunk.readableBytes > maxBytes { throw Self.tooLarge(maxBytes) }
            sum.writeImmutableBuffer(chunk)
            all = sum
        }
        return all ?? ByteBuffer()
    }

    /// The whole content as text; bytes that are not UTF-8 are repaired.
    public func text(upTo maxBytes: Int = HTTPBody.defaultCollectLimit) async throws -> String {
        String(buffer: try await collect(upTo: maxBytes))
    }

    private static func tooLarge(_ maxBytes: Int) -> ServeError {
        ServeError(.tooLarge, "the request body is larger than \(maxBytes) bytes")
    }

    public func makeAsyncIterator() -> AsyncIterator {
        switch storage {
        case .bytes(let bytes): return AsyncIterator(bytes: bytes, iteration: nil)
        case .stream(let reader): return AsyncIterator(bytes: nil, iteration: HTTPBodyIteration(reader: reader))
        case .coded(let body, let decoding):
            var iterator = body.makeAsyncIterator()
            iterator.decoder = ContentDecoder(decoding)
            return iterator
        }
    }

    /// Reads a body chunk by chunk; chunks are never empty.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var bytes: ByteBuffer?
        fileprivate let iteration: HTTPBodyIteration?
        fileprivate var decoder: ContentDecoder?

        fileprivate init(bytes: ByteBuffer?, iteration: HTTPBodyIteration?) {
            self.bytes = bytes
            self.iteration = iteration
        }

        public mutating func next() async throws -> ByteBuffer? {
            try await next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
            if decoder != nil { return try await nextDecoded(isolation: actor) }
            return try await nextSent(isolation: actor)
        }

        private mutating func nextSent(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
            if let iteration { return try await iteration.next(isolation: actor) }
            guard let bytes = bytes.take(), bytes.readableBytes > 0 else { return nil }
            return bytes
        }

        private mutating func nextDecoded(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
            while true {
                switch try decoder?.next() {
                case .bytes(let bytes): return bytes
                case .needsMore:
                    let sent = try await nextSent(isolation: actor)
                    decoder?.feed(sent)
                case .end, nil: return nil
                }
            }
        }
    }
}

/// Held by a body: abandons the stream when the last copy of the body is gone.
final class HTTPBodyReader: Sendable {
    let stream: HTTPBodyStream

    init(stream: HTTPBodyStream) {
        self.stream = stream
    }

    deinit {
        stream.abandon()
    }
}

/// Held by an iterator: abandons the stream when the iterator is gone, even if the body still exists.
final class HTTPBodyIteration: Sendable {
    private let reader: HTTPBodyReader
    private let isOwner: Bool

    init(reader: HTTPBodyReader) {
        self.reader = reader
        self.isOwner = reader.stream.claim()
    }

    func next(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
        guard isOwner else { throw ServeError(.invalidOptions, "a request body can be read only once") }
        return try await reader.stream.next(isolation: actor)
    }

    deinit {
        if isOwner { reader.stream.abandon() }
    }
}
