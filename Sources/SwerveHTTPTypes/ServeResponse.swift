public import NIOCore

/// The answer to a request: a status, headers and a body.
public struct ServeResponse: Sendable {
    public var status: HTTPStatus
    /// The headers. The server adds `content-length` or `transfer-encoding`, `connection`, `date` and `x-request-id`;
    /// it leaves out your fields with these names and others that concern one hop.
    public var headers: HTTPHeaders
    public var body: Body

    public init(status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The content of a response.
    public struct Body: Sendable {
        package enum Storage: Sendable {
            case bytes(ByteBuffer)
            case stream(contentLength: Int?, @Sendable (HTTPBodyWriter) async throws -> Void)
        }

        package let storage: Storage

        private init(storage: Storage) {
            self.storage = storage
        }

        public static let empty = Body(storage: .bytes(ByteBuffer()))

        public static func bytes(_ bytes: ByteBuffer) -> Body { Body(storage: .bytes(bytes)) }

        public static func text(_ text: String) -> Body { Body(storage: .bytes(ByteBuffer(string: text))) }

        /// A body that is written while it is being sent.
        ///
        /// - Parameters:
        ///   - contentLength: the exact number of bytes if it is known; writing any other number cuts the connection. A
        ///     negative number counts as unknown.
        ///   - write: writes the chunks. It starts when the head has been sent, and its task is cancelled when the
        ///     client goes away.
        public static func stream(
            contentLength: Int? = nil,
            _ write: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
        ) -> Body {
            Body(storage: .stream(contentLength: contentLength.flatMap { $0 < 0 ? nil : $0 }, write))
        }

        /// The whole content if it is in memory; `nil` for a stream.
        public var completeBytes: ByteBuffer? {
            if case .bytes(let bytes) = storage { bytes } else { nil }
        }
    }
}

extension ServeResponse {
    /// The answer with a note for caches that it depends on a header of the request (RFC 9110, section 12.5.5): a `vary`
    /// field with that name, unless there is one already.
    public func varying(by name: String) -> ServeResponse {
        let names = headers.values(of: "vary").flatMap { $0.split { ", \t".contains($0) } }.map(String.init)
        if names.contains(where: { $0 == "*" || $0.isSameHeaderName(as: name) }) { return self }
        var copy = self
        copy.headers.add("vary", name)
        return copy
    }

    /// Plain text in UTF-8.
    public static func text(_ text: String, status: HTTPStatus = .ok) -> ServeResponse {
        ServeResponse(status: status, headers: ["content-type": "text/plain; charset=utf-8"], body: .text(text))
    }

    public static func bytes(
        _ bytes: ByteBuffer,
        contentType: String = "application/octet-stream",
        status: HTTPStatus = .ok
    ) -> ServeResponse {
        ServeResponse(status: status, headers: ["content-type": contentType], body: .bytes(bytes))
    }

    public static func bytes(
        _ bytes: [UInt8],
        contentType: String = "application/octet-stream",
        status: HTTPStatus = .ok
    ) -> ServeResponse {
        .bytes(ByteBuffer(bytes: bytes), contentType: contentType, status: status)
    }

    /// A failure as JSON, `{"error":"…","status":404}`.
    ///
    /// - Parameter message: what the client reads; the status's phrase by default.
    public static func error(_ status: HTTPStatus, _ message: String? = nil) -> ServeResponse {
        ServeResponse(
            status: status,
            headers: ["content-type": "application/json"],
            body: .bytes(errorBody(status: status.code, message: message ?? status.reasonPhrase))
        )
    }

    /// The content of every error response.
    package static func errorBody(status: UInt16, message: String) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"error\":")
        body.writeJSONString(message)
        body.writeString(",\"status\":\(status)}\n")
        return body
    }
}

extension ByteBuffer {
    /// Writes text as a JSON string, with quotes.
    package mutating func writeJSONString(_ text: String) {
        let quote = UInt8(ascii: "\"")
        let backslash = UInt8(ascii: "\\")
        writeInteger(quote)
        let isPlain = text.utf8.withContiguousStorageIfAvailable { bytes in
            !bytes.contains { $0 < 0x20 || $0 == quote || $0 == backslash }
        }
        if isPlain == true {
            writeString(text)
        } else {
            for byte in text.utf8 {
                switch byte {
                case quote, backslash: writeMultipleIntegers(backslash, byte)
                case 0..<0x20:
                    let digits = Array("0123456789abcdef".utf8)
                    writeStaticString("\\u00")
                    writeMultipleIntegers(digits[Int(byte >> 4)], digits[Int(byte & 15)])
                default: writeInteger(byte)
                }
            }
        }
        writeInteger(quote)
    }
}
