internal import NIOCore
internal import SwerveCore

/// Decodes the elements of a stream from another process, for its one iterator.
final class ItemElements<Element: Codable & Sendable> {
    private let reader: ItemReader
    /// The chunk that is being read.
    private var decoder: BinaryReader?
    /// The beginning of an element whose rest has not come.
    private var rest = ByteBuffer()
    /// How much of ``rest`` was counted as taken.
    private var counted = 0
    /// What was read since the last report to the writer.
    private var taken = 0
    private var count = 0
    /// After how many elements the writer is told.
    private let reportEvery: Int

    init(_ reader: ItemReader, maxAhead: Int) {
        self.reader = reader
        self.reportEvery = max(1, maxAhead / 2)
    }

    func next() async throws -> Element? {
        while true {
            if let element = try takeFromChunk() { return element }
            guard let chunk = try await reader.nextChunk() else {
                guard rest.readableBytes == 0 else {
                    throw ServeError(.protocolViolation, "a stream ended within an element")
                }
                return nil
            }
            try open(chunk)
        }
    }

    /// An element that has already arrived.
    func takeReady() throws -> Element? {
        while true {
            if let element = try takeFromChunk() { return element }
            guard let chunk = reader.takeReadyChunk() else { return nil }
            try open(chunk)
        }
    }

    private func open(_ chunk: ByteBuffer) throws {
        guard rest.readableBytes > 0 else { return try decode(chunk) }
        rest.writeImmutableBuffer(chunk)
        guard BinaryReader.isWholeRegion(in: rest, at: rest.readerIndex) else { return try countRest() }
        let whole = rest
        rest = ByteBuffer()
        try decode(whole)
    }

    private func decode(_ bytes: ByteBuffer) throws {
        guard BinaryReader.isWholeRegion(in: bytes, at: bytes.readerIndex) else {
            rest = bytes
            return try countRest()
        }
        decoder = BinaryReader(bytes, system: reader.system)
    }

    /// The writer of an element that is longer than its window waits until what it sent is taken.
    private func countRest() throws {
        let length = rest.getInteger(at: rest.readerIndex, endianness: .little, as: UInt32.self)
        if let length, Int(length) > StreamLimits.maximumValueBytes {
            throw broken(
                .protocolViolation,
                "an element of \(length) bytes in a stream; the maximum is \(StreamLimits.maximumValueBytes)"
            )
        }
        taken += rest.readableBytes - counted
        counted = rest.readableBytes
        report()
    }

    private func takeFromChunk() throws -> Element? {
        guard let decoder else { return nil }
        let start = decoder.position
        let element: Element
        do {
            element = try decoder.nextRegion(Element.self)
        } catch {
            throw broken(.invalidArgument, "an element of the stream, a \(Element.self): \(error)")
        }
        taken += decoder.position - start - counted
        counted = 0
        count += 1
        if !BinaryReader.isWholeRegion(in: decoder.buffer, at: decoder.position) {
            self.decoder = nil
            rest = decoder.remaining
            try countRest()
        } else if count >= reportEvery {
            report()
        }
        return element
    }

    /// Ends a stream that cannot be read any further.
    private func broken(_ code: ServeError.Code, _ message: String) -> ServeError {
        let error = ServeError(code, message)
        reader.fail(error)
        return error
    }

    private func report() {
        if taken > 0 { reader.took(taken) }
        taken = 0
        count = 0
    }
}
