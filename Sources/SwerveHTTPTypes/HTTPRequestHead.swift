package import NIOCore
package import SwerveCore

/// The head of a request as it arrived: one buffer with the request line and the header lines, and the offsets of its
/// parts.
///
/// Nothing is copied or turned into strings until it is needed. The parser that made the value checked the bytes: every
/// line ends with CRLF, names are tokens, values contain no control characters.
package struct HTTPRequestHead: Sendable {
    /// Where the parts are, counted in bytes from the buffer's reader index.
    package struct Layout: Hashable, Sendable {
        package var methodLength: UInt32
        /// The whole target on the request line.
        package var targetStart: UInt32
        package var targetEnd: UInt32
        /// The target's path. In the absolute form it begins after the authority and may be empty.
        package var pathStart: UInt32
        package var pathEnd: UInt32
        package var headersStart: UInt32

        package init(
            methodLength: UInt32,
            targetStart: UInt32,
            targetEnd: UInt32,
            pathStart: UInt32,
            pathEnd: UInt32,
            headersStart: UInt32
        ) {
            self.methodLength = methodLength
            self.targetStart = targetStart
            self.targetEnd = targetEnd
            self.pathStart = pathStart
            self.pathEnd = pathEnd
            self.headersStart = headersStart
        }

        /// Whether the offsets are in order and lie within `length` bytes.
        package func fits(_ length: Int) -> Bool {
            methodLength < targetStart && targetStart <= pathStart && pathStart <= pathEnd && pathEnd <= targetEnd
                && targetEnd < headersStart && Int(headersStart) <= length
        }
    }

    /// Facts about a head, noted while it was parsed.
    package struct Flags: Hashable, Sendable {
        package var rawValue: UInt8
        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }
        package init(
            isHTTP10: Bool = false,
            hasUpgrade: Bool = false,
            hasContentEncoding: Bool = false,
            hasAttributes: Bool = false
        ) {
            self.rawValue =
                (isHTTP10 ? 1 : 0) | (hasUpgrade ? 4 : 0) | (hasContentEncoding ? 2 : 0) | (hasAttributes ? 16 : 0)
        }
        /// The request said HTTP/1.0.
        package var isHTTP10: Bool { rawValue & 1 != 0 }
        /// The request has an `upgrade` header.
        package var hasUpgrade: Bool { rawValue & 4 != 0 }
        /// The request has a `content-encoding` header.
        package var hasContentEncoding: Bool { rawValue & 2 != 0 }
        /// The request has one of the headers that ``HTTPRequestHead/attributes`` reads.
        package var hasAttributes: Bool { rawValue & 16 != 0 }
        /// The content is given to user code decoded, so the headers that describe the coded content are hidden.
        package internal(set) var isContentDecoded: Bool {
            get { rawValue & 8 != 0 }
            set { rawValue = newValue ? rawValue | 8 : rawValue & ~8 }
        }
    }

    /// The request line and the header lines, each with its CRLF; the empty line that ends a head is left out.
    package var bytes: ByteBuffer
    package var layout: Layout
    package var flags: Flags
    /// The length of the application's route prefix in the path; 0 until a router sets it.
    package var prefixLength: Int
    package var requestID: String

    package init(
        bytes: ByteBuffer,
        layout: Layout,
        flags: Flags = Flags(),
        prefixLength: Int = 0,
        requestID: String = ""
    ) {
        self.bytes = bytes
        self.layout = layout
        self.flags = flags
        self.prefixLength = prefixLength
        self.requestID = requestID
    }

    package var method: HTTPMethod { HTTPMethod(rawValue: string(0, layout.methodLength)) }
    /// The method as a number: its first eight bytes. Those that HTTP defines are shorter, so each has its own.
    @inline(__always)
    package var methodWord: UInt64 {
        let word = bytes.getInteger(at: bytes.readerIndex, endianness: .little, as: UInt64.self) ?? 0
        return layout.methodLength < 8 ? word & (1 << (8 * UInt64(layout.methodLength)) - 1) : word
    }
    package static func methodWord(of method: String) -> UInt64 {
        method.utf8.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    package var target: String { string(layout.targetStart, layout.targetEnd) }
    /// The whole path as sent, with the route prefix; empty for an absolute form without a path.
    package var fullPath: String { string(layout.pathStart, layout.pathEnd) }
    package var headers: HTTPRequestHeaders { HTTPRequestHeaders(head: self) }

    /// The names of the headers that ``attributes`` reads. Ray Serve's clients write the model's with underscores.
    package static let priorityHeader = "x-request-priority"
    package static let sessionHeader = "x-session-id"
    package static let modelHeaders = ["serve-multiplexed-model-id", "serve_multiplexed_model_id"]

    /// What the request's headers say about its priority, its session, its model and its trace; `nil` without such
    /// headers.
    package var attributes: RequestAttributes? {
        guard flags.hasAttributes else { return nil }
        let headers = headers
        return RequestAttributes(
            priority: headers[Self.priorityHeader].flatMap { RequestPriority($0.lowercased()) } ?? .normal,
            sessionKey: headers[Self.sessionHeader],
            modelID: headers[Self.modelHeaders[0]] ?? headers[Self.modelHeaders[1]],
            trace: trace
        )
    }

    /// Where the client says that the request is in a trace.
    package var trace: TraceContext? {
        guard flags.hasAttributes else { return nil }
        let headers = headers
        let parents = headers.values(of: TraceContext.parentHeader)
        guard !parents.isEmpty else { return nil }
        return TraceContext(parents: parents, states: headers.values(of: TraceContext.stateHeader))
    }

    /// Calls `body` with the bytes of the path as sent, so that routes can be matched without making a string.
    package func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeReadableBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[Int(layout.pathStart)..<Int(layout.pathEnd)]))
        }
    }

    /// The same head in its own memory. A head shares the memory of the much larger buffer that it was read into:
    /// compact it before keeping it in a queue.
    package func compacted() -> HTTPRequestHead {
        var copy = self
        copy.bytes = ByteBufferAllocator().buffer(capacity: bytes.readableBytes)
        copy.bytes.writeImmutableBuffer(bytes)
        return copy
    }

    func string(_ start: UInt32, _ end: UInt32) -> String {
        bytes.withUnsafeReadableBytes {
            String(decoding: UnsafeRawBufferPointer(rebasing: $0[Int(start)..<Int(end)]), as: UTF8.self)
        }
    }
}

extension HTTPRequestHead {
    private static let encodedFixedBytes = 4 * 8 + 2

    /// Writes the head for another process: the offsets, the id and the bytes as they are.
    package func encode(into buffer: inout ByteBuffer) {
        let id = requestID.utf8
        let idLength = min(id.count, Int(UInt8.max))
        buffer.reserveCapacity(
            minimumWritableBytes: Self.encodedFixedBytes + idLength + bytes.readableBytes
        )
        buffer.writeMultipleIntegers(
            UInt32(bytes.readableBytes),
            layout.methodLength,
            layout.targetStart,
            layout.targetEnd,
            layout.pathStart,
            layout.pathEnd,
            layout.headersStart,
            UInt32(prefixLength),
            flags.rawValue,
            UInt8(idLength)
        )
        buffer.writeBytes(id.prefix(idLength))
        buffer.writeImmutableBuffer(bytes)
    }

    /// Reads what ``encode(into:)`` wrote; the head shares `buffer`'s memory.
    ///
    /// - Throws: ``ServeError`` with code `protocolViolation` if the bytes are not a whole head.
    package static func decode(from buffer: inout ByteBuffer) throws(ServeError) -> HTTPRequestHead {
        typealias Word = UInt32
        guard
            let (length, method, targetStart, targetEnd, pathStart, pathEnd, headersStart, prefix, flags, idLength) =
                buffer.readMultipleIntegers(
                    as: (Word, Word, Word, Word, Word, Word, Word, Word, UInt8, UInt8).self
                ),
            let id = buffer.readString(length: Int(idLength)), let bytes = buffer.readSlice(length: Int(length))
        else { throw ServeError(.protocolViolation, "an HTTP head is cut short") }
        let layout = Layout(
            methodLength: method,
            targetStart: targetStart,
            targetEnd: targetEnd,
            pathStart: pathStart,
            pathEnd: pathEnd,
            headersStart: headersStart
        )
        guard layout.fits(bytes.readableBytes), Int(prefix) <= Int(pathEnd - pathStart) else {
            throw ServeError(.protocolViolation, "an HTTP head has offsets outside its bytes")
        }
        return HTTPRequestHead(
            bytes: bytes,
            layout: layout,
            flags: Flags(rawValue: flags),
            prefixLength: Int(prefix),
            requestID: id
        )
    }
}
