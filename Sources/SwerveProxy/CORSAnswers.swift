internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

/// The headers by which a browser lets pages of other origins use an application (Fetch standard, CORS protocol).
struct CORSAnswers: Sendable {
    private let origins: Set<String>
    private let isForAll: Bool
    /// The lines of every answer to an allowed origin, without the origin.
    private let granted: String
    /// The lines of an answer to a preflight request, besides the others.
    private let preflight: String

    init(_ options: CORS) {
        origins = Set(options.origins)
        isForAll = options.origins.contains("*")
        var granted = ""
        if options.allowsCredentials { granted += "access-control-allow-credentials: true\r\n" }
        if !options.exposedHeaders.isEmpty {
            granted += "access-control-expose-headers: \(options.exposedHeaders.joined(separator: ", "))\r\n"
        }
        self.granted = granted
        var preflight = "access-control-allow-methods: \(options.methods.joined(separator: ", "))\r\n"
        if !options.headers.isEmpty {
            // The wildcard does not cover `authorization`.
            let names = options.headers.contains("*") ? ["*", "authorization"] : options.headers
            preflight += "access-control-allow-headers: \(names.joined(separator: ", "))\r\n"
        }
        preflight += "access-control-max-age: \(options.maxAge.components.seconds)\r\n"
        self.preflight = preflight
    }

    /// The lines to add to an answer to a request of that origin.
    func lines(for origin: String?) -> ByteBuffer {
        if isForAll { return ByteBuffer(string: "access-control-allow-origin: *\r\n\(granted)") }
        // Caches must keep the answers to different origins apart.
        guard let origin, origins.contains(origin) else { return ByteBuffer(string: "vary: origin\r\n") }
        return ByteBuffer(string: "access-control-allow-origin: \(origin)\r\nvary: origin\r\n\(granted)")
    }

    /// The answer to a preflight request: an `OPTIONS` that asks whether a page may send another request.
    ///
    /// - Returns: `nil` if it is another request; a status of 403 if the origin is not allowed.
    func preflight(_ head: HTTPRequestHead) -> (status: UInt16, lines: ByteBuffer)? {
        let headers = head.headers
        guard let origin = headers["origin"], headers.contains("access-control-request-method"), head.method == .options
        else { return nil }
        guard isForAll || origins.contains(origin) else { return (403, ByteBuffer()) }
        return (204, ByteBuffer(string: preflight))
    }

    /// The same lines without those of the CORS protocol: the application's option replaces what its code sets.
    static func stripped(_ block: ByteBuffer) -> ByteBuffer {
        let name = "access-control-"
        guard let text = block.getString(at: block.readerIndex, length: block.readableBytes) else { return block }
        let lines = text.split(separator: "\r\n")
        guard lines.contains(where: { $0.lowercased().hasPrefix(name) }) else { return block }
        let kept = lines.filter { !$0.lowercased().hasPrefix(name) }
        return ByteBuffer(string: kept.map { "\($0)\r\n" }.joined())
    }
}
