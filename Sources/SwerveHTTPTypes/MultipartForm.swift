public import NIOCore

/// A form with files, as browsers and `curl -F` send it: `multipart/form-data` (RFC 7578).
///
/// Text before the first delimiter and after the last one is skipped, and blanks may follow a delimiter (RFC 2046).
/// Parsing is strict otherwise: lines end in CR LF, each part has a name, and header lines are not folded. Any other
/// form is refused, not guessed at.
public struct MultipartForm: Hashable, Sendable {
    /// One field of the form.
    public struct Part: Hashable, Sendable {
        /// The field's name.
        public let name: String
        /// The file's name as the client gave it in `filename`, or decoded from `filename*` (RFC 8187), which wins;
        /// `nil` for a field that is not a file. Do not use it as a path.
        public let filename: String?
        /// The media type as the client gave it; `nil` if it gave none, which means `text/plain` (RFC 7578).
        public let contentType: String?
        /// The content; it shares the form's memory.
        public let body: ByteBuffer
    }

    /// The parts in the order in which they were sent.
    public let parts: [Part]

    /// The first part with that name.
    public subscript(name: String) -> Part? { parts.first { $0.name == name } }
    /// The parts that are files.
    public var files: [Part] { parts.filter { $0.filename != nil } }

    /// Reads a whole form.
    ///
    /// - Parameters:
    ///   - bytes: the body of the request.
    ///   - boundary: what delimits the parts, from ``boundary(ofContentType:)``; 1 to 70 characters.
    ///   - limits: what the form may contain.
    /// - Throws: ``ServeHTTPError`` with status 400 for a malformed form, 413 for more parts or longer headers than allowed.
    public init(_ bytes: ByteBuffer, boundary: String, limits: MultipartLimits = MultipartLimits())
        throws(ServeHTTPError)
    {
        guard MultipartHeaders.isBoundary(boundary.utf8) else {
            throw ServeHTTPError(.badRequest, "multipart form: the boundary is not 1 to 70 allowed characters")
        }
        var parser = MultipartParser(bytes, boundary: boundary, limits: limits)
        parts = try parser.parse()
    }

    /// The boundary that a `content-type` header names.
    ///
    /// - Throws: ``ServeHTTPError`` with status 415 for another media type, 400 if there is no valid boundary.
    public static func boundary(ofContentType value: String) throws(ServeHTTPError) -> String {
        let (type, parameters) = try MultipartHeaders.valueAndParameters(value, of: "content-type")
        guard type == "multipart/form-data" else {
            throw ServeHTTPError(.unsupportedMediaType, "only multipart/form-data is accepted here")
        }
        let boundaries = parameters.filter { $0.name == "boundary" }
        guard boundaries.count == 1, MultipartHeaders.isBoundary(boundaries[0].value.utf8) else {
            throw ServeHTTPError(
                .badRequest,
                "multipart form: the content type needs one boundary of 1 to 70 characters"
            )
        }
        return boundaries[0].value
    }
}

/// What a multipart form may contain, besides the limit on the whole body.
public struct MultipartLimits: Hashable, Sendable {
    /// The most parts. A form with more is refused with status 413.
    public var maximumParts: Int
    /// The most bytes in the headers of one part. A part with more is refused with status 413.
    public var maximumHeaderBytes: Int
    /// The most header lines in one part. A part with more is refused with status 413.
    public var maximumHeaders: Int

    /// - Parameters:
    ///   - maximumParts: 64 by default.
    ///   - maximumHeaderBytes: 8 KiB by default.
    ///   - maximumHeaders: 16 by default.
    public init(maximumParts: Int = 64, maximumHeaderBytes: Int = 8 << 10, maximumHeaders: Int = 16) {
        self.maximumParts = maximumParts
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumHeaders = maximumHeaders
    }
}

extension ServeRequest {
    /// Whether the `content-type` says that the body is a form with files, `multipart/form-data`.
    public var isMultipartForm: Bool {
        // Also with parameters that are malformed, so that reading the form says what is wrong with them.
        headers["content-type"].map { $0.lowercased().hasPrefix("multipart/form-data") } ?? false
    }

    /// The body as a form with files.
    ///
    /// - Parameters:
    ///   - maxBytes: the most bytes in the whole body; ``HTTPBody/defaultCollectLimit`` by default.
    ///   - limits: what the form may contain.
    /// - Throws: ``ServeHTTPError`` with status 415 for another content type, 413 above a limit, 400 for a malformed form;
    ///   and what reading the body throws.
    public func multipartForm(
        upTo maxBytes: Int = HTTPBody.defaultCollectLimit,
        limits: MultipartLimits = MultipartLimits()
    ) async throws -> MultipartForm {
        let boundary = try MultipartForm.boundary(ofContentType: headers["content-type"] ?? "")
        return try MultipartForm(try await body.collect(upTo: maxBytes), boundary: boundary, limits: limits)
    }
}
