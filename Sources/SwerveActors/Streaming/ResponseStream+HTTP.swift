public import NIOCore
public import SwerveHTTPTypes

extension ServeResponse {
    /// Each element as a line of JSON, sent as it comes: `application/x-ndjson`.
    ///
    /// Elements that are there together are sent together. When the stream fails, the connection is cut, so that the
    /// client does not mistake a part for the whole; when the client leaves, the stream ends.
    public static func jsonLines<Element>(_ stream: ResponseStream<Element>) -> ServeResponse {
        ServeResponse(
            headers: ["content-type": "application/x-ndjson"],
            body: stream.body {
                let json = JSONAppender()
                return { element, buffer in
                    try json.append(element, to: &buffer)
                    buffer.writeInteger(UInt8(ascii: "\n"))
                }
            }
        )
    }

    /// Each element as a server-sent event, sent as it comes: `text/event-stream`.
    ///
    /// A string is the event's data as it is, a ``ServerSentEvent`` is the whole event, and any other element is data in
    /// JSON. When the stream fails, a last event of type `error` has the error as JSON, in the form of the content of
    /// an error response; when the client leaves, the stream ends.
    ///
    /// - Parameter keepAlive: how long the response may be silent. After that, an empty comment is sent, which receivers
    ///   ignore, so that proxies and browsers do not cut the connection. `nil` for none.
    public static func serverSentEvents<Element>(
        _ stream: ResponseStream<Element>,
        keepAlive: Duration? = .seconds(15)
    ) -> ServeResponse {
        let body = stream.body(keepAlive: keepAlive.map { (interval: $0, bytes: ServerSentEvent.emptyComment) }) {
            let json = JSONAppender()
            return { element, buffer in
                switch element {
                case let text as String: ServerSentEvent.write(data: text.utf8, to: &buffer)
                case let event as ServerSentEvent: event.write(to: &buffer)
                default:
                    var data = ByteBuffer()
                    try json.append(element, to: &data)
                    ServerSentEvent.write(data: data.readableBytesView, to: &buffer)
                }
            }
        } onError: { error, buffer in
            let content = ServeResponse(for: error).body.completeBytes.map { String(buffer: $0.trimmingNewline) }
            ServerSentEvent(data: content ?? "", event: "error").write(to: &buffer)
        }
        return ServeResponse(headers: ["content-type": "text/event-stream", "cache-control": "no-cache"], body: body)
    }

    /// The elements' text, one after the other as it comes.
    public static func chunks(
        _ stream: ResponseStream<String>,
        contentType: String = "text/plain; charset=utf-8"
    ) -> ServeResponse {
        ServeResponse(
            headers: ["content-type": contentType],
            body: stream.body { { text, buffer in buffer.writeString(text) } }
        )
    }

    /// The elements' bytes, one after the other as they come.
    public static func chunks(
        _ stream: ResponseStream<ByteBuffer>,
        contentType: String = "application/octet-stream"
    ) -> ServeResponse {
        ServeResponse(
            headers: ["content-type": contentType],
            body: stream.body { { bytes, buffer in buffer.writeImmutableBuffer(bytes) } }
        )
    }
}

/// Server-sent events for a client that prefers `text/event-stream`, otherwise lines of JSON.
extension ResponseStream: HTTPOutput {
    public func response(to request: ServeRequest) throws -> ServeResponse {
        let isEvents = try request.accepted(of: .jsonLines, .eventStream) == .eventStream
        return (isEvents ? ServeResponse.serverSentEvents(self) : .jsonLines(self)).varying(by: "accept")
    }
}

extension ResponseStream {
    fileprivate typealias Append = (Element, inout ByteBuffer) throws -> Void

    /// A body of what `makeAppend` writes of each element.
    ///
    /// - Parameters:
    ///   - keepAlive: what is sent after a silence.
    ///   - onError: writes what the client gets when the stream fails; without it, the connection is cut.
    fileprivate func body(
        keepAlive: (interval: Duration, bytes: ByteBuffer)? = nil,
        _ makeAppend: @escaping @Sendable () -> Append,
        onError: (@Sendable (any Error, inout ByteBuffer) -> Void)? = nil
    ) -> ServeResponse.Body {
        .stream { writer in
            let append = makeAppend()
            if let keepAlive {
                writer.keepAlive(every: Swift.max(keepAlive.interval, .milliseconds(1)), keepAlive.bytes)
            }
            defer { writer.endKeepAlive() }
            do {
                try await self.write(to: writer, append)
            } catch {
                guard let onError, !(error is CancellationError) else { throw error }
                var last = ByteBuffer()
                onError(error, &last)
                try await writer.write(last)
            }
        }
    }

    /// Writes elements that are there together as one chunk.
    private func write(to writer: HTTPBodyWriter, _ append: @escaping Append) async throws {
        guard writer.gathers else { return try await writeChunks(to: writer, append) }
        do {
            try await send(to: ElementSink(writer, append))
        } catch {
            // The client gets the elements before the error, unless it is gone.
            try? await writer.flush()
            throw error
        }
        try await writer.flush()
    }

    /// For a body that is compressed, where a chunk costs more.
    private func writeChunks(to writer: HTTPBodyWriter, _ append: Append) async throws {
        var iterator = makeAsyncIterator()
        while let first = try await iterator.next() {
            var chunk = ByteBuffer()
            var failure: (any Error)?
            do {
                try append(first, &chunk)
                while chunk.readableBytes < StreamLimits.smallPart, let more = try iterator.takeReady() {
                    try append(more, &chunk)
                }
            } catch {
                failure = error
            }
            try await writer.write(chunk)
            if let failure { throw failure }
        }
    }
}

extension ByteBuffer {
    /// Without a line feed at the end.
    fileprivate var trimmingNewline: ByteBuffer {
        let endsLine = readableBytesView.last == UInt8(ascii: "\n")
        return endsLine ? getSlice(at: readerIndex, length: readableBytes - 1) ?? self : self
    }
}
