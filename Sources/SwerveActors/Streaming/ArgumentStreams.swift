internal import NIOCore
internal import SwerveCore

/// Opens the streams among the arguments of a call from another process.
package protocol ArgumentStreams: AnyObject, Sendable {
    /// The stream that was encoded at this position. It asks for elements when it is first read.
    func open(_ position: UInt32, maxAhead: Int) -> ItemReader
}

/// A stream whose elements' type this process's code does not know: it is passed on as it is.
package struct UntypedStream: AnyResponseStream {
    let reader: ItemReader
    let handle: StreamHandle

    package init(_ reader: ItemReader) {
        self.reader = reader
        self.handle = StreamHandle(reader)
    }

    package init(_ stream: UntypedStream) {
        self = stream
    }

    package var open: any OpenStream { reader }
    /// Never an argument of a method: that gets a ``ResponseStream``.
    package func lent(by arguments: Arguments) -> UntypedStream { self }
    package func begin(on executor: (any TaskExecutor)?) {}
    package func send(to writer: ItemWriter) async throws {
        // The stream ends with its handle, which nothing here uses.
        defer { withExtendedLifetime(handle) {} }
        try await reader.forward(to: writer)
    }
    package var maxAhead: Int { reader.maxAhead }
    package var isUsed: Bool { reader.isUsed }

    package func encode(to encoder: any Encoder) throws {
        guard let writer = encoder as? BinaryWriter else { throw StreamDefaults.notEncodable }
        try writer.write(stream: self)
    }

    package init(from decoder: any Decoder) throws {
        throw ServeError(.invalidArgument, "a stream can be decoded only as a ResponseStream")
    }
}

extension ItemReader {
    /// Passes the elements on as they are.
    func forward(to writer: ItemWriter) async throws {
        while let chunk = try await nextChunk() {
            try await writer.forward(chunk)
            took(chunk.readableBytes)
        }
    }
}

/// The limits of streams that do not say their own.
enum StreamDefaults {
    /// How many elements wait at most in one process: 64.
    static let maxBuffered = 64
    /// How many elements may be on the way between processes: 1,024. ``StreamLimits/window`` limits their bytes.
    static let maxAhead = 1024

    static var alreadyRead: ServeError { ServeError(.invalidArgument, "a stream can be read only once") }

    static var callIsOver: ServeError {
        ServeError(.invalidArgument, "the stream is over: its call has ended, or it was read before")
    }

    static var notEncodable: ServeError {
        ServeError(.unencodable, "a ResponseStream can be encoded only by Swerve's own codec")
    }
}
