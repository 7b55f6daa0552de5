import NIOCore
import SwerveActors
import SwerveCore
import Synchronization
import Testing

/// What a peer sends as the elements of a stream, right or wrong.
@Suite struct ItemReaderTests {
    /// Counts what the reader takes.
    private final class Source: ItemReader.Source {
        let taken = Mutex(0)
        func start(for reader: ItemReader) {}
        func took(_ bytes: Int) { taken.withLock { $0 += bytes } }
        func cancel() {}
    }

    private func makeStream() -> (ResponseStream<ByteBuffer>, ItemReader, Source) {
        let source = Source()
        let reader = ItemReader(source, maxAhead: 10, system: .detached)
        return (ResponseStream(UntypedStream(reader)), reader, source)
    }

    private func region(_ size: Int) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeInteger(UInt32(size), endianness: .little)
        bytes.writeRepeatingByte(7, count: size)
        return bytes
    }

    @Test func elementsThatArriveByteForByteAreWholeAndTakenOnce() async throws {
        let (stream, reader, source) = makeStream()
        let sizes = [0, 5, 1, 300]
        let all = sizes.map { region($0) }.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        for byte in all.readableBytesView { reader.received(ByteBuffer(integer: byte)) }
        var iterator = stream.makeAsyncIterator()
        for size in sizes { #expect(try await iterator.next()?.readableBytes == size) }
        // Everything was taken before the end, and nothing twice.
        #expect(source.taken.withLock { $0 } == all.readableBytes)
        reader.ended(nil)
        #expect(try await iterator.next() == nil)
    }

    @Test func anElementThatIsAnnouncedAsTooLongEndsTheStreamBeforeItArrives() async throws {
        let (stream, reader, source) = makeStream()
        var bytes = ByteBuffer()
        bytes.writeInteger(UInt32(StreamLimits.maximumValueBytes + 1), endianness: .little)
        reader.received(bytes)
        var iterator = stream.makeAsyncIterator()
        let error = await #expect(throws: ServeError.self) { try await iterator.next() }
        #expect(error?.code == .protocolViolation)
        #expect(source.taken.withLock { $0 } == 0)
    }

    @Test func aStreamThatEndsWithinAnElementIsAnError() async throws {
        let (stream, reader, _) = makeStream()
        reader.received(region(10).getSlice(at: 0, length: 9) ?? ByteBuffer())
        reader.ended(nil)
        var iterator = stream.makeAsyncIterator()
        let error = await #expect(throws: ServeError.self) { try await iterator.next() }
        #expect(error?.message == "a stream ended within an element")
    }
}
