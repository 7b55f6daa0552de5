public import NIOCore

/// A file that a client sent, either as a field of a `multipart/form-data` form or as the body itself.
public struct UploadedFile: Hashable, Codable, Sendable, HTTPInput {
    /// The file's name as the client gave it. Do not use it as a path.
    public var filename: String?
    /// The media type as the client gave it.
    public var contentType: String?
    public var content: ByteBuffer

    public init(filename: String? = nil, contentType: String? = nil, content: ByteBuffer) {
        self.filename = filename
        self.contentType = contentType
        self.content = content
    }

    /// The form's only file, or the whole body if it is not a form.
    public static func input(from request: ServeRequest) async throws -> UploadedFile {
        try await FileAdapter().input(from: request)
    }
}

/// Reads a file from a form, or from the body if that is not a form.
public struct FileAdapter: HTTPAdapter {
    /// The form's field that holds the file; `nil` takes the form's only file.
    public var field: String?
    /// How large the whole body may be; 64 MiB by default. A larger one is refused with 413.
    public var maxBytes: Int

    public init(field: String? = nil, maxBytes: Int = HTTPBody.defaultCollectLimit) {
        self.field = field
        self.maxBytes = maxBytes
    }

    /// - Throws: ``ServeHTTPError`` with status 400 for a malformed form and for one without the file.
    public func input(from request: ServeRequest) async throws -> UploadedFile {
        guard request.isMultipartForm else {
            return UploadedFile(
                contentType: request.headers["content-type"],
                content: try await request.body.collect(upTo: maxBytes)
            )
        }
        let part = try await request.multipartForm(upTo: maxBytes).file(field)
        return UploadedFile(filename: part.filename, contentType: part.contentType, content: part.body)
    }
}

extension MultipartForm {
    /// The field with that name, or the form's only file.
    ///
    /// - Throws: ``ServeHTTPError`` with status 400 if there is none, or if no name was given and there are several files.
    package func file(_ field: String?) throws(ServeHTTPError) -> Part {
        if let field {
            guard let part = self[field] else { throw ServeHTTPError(.badRequest, "the form has no field '\(field)'") }
            return part
        }
        let files = files
        guard files.count == 1 else {
            throw ServeHTTPError(.badRequest, "the form needs one file, but has \(files.count)")
        }
        return files[0]
    }
}
