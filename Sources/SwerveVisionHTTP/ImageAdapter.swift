public import SwerveHTTPTypes
public import SwerveTensor
public import SwerveVision

/// Reads a picture from an HTTP request, as ``ServeRequest/image(as:isUpright:field:limits:maxBytes:)`` does: JPEG, PNG,
/// WebP, AVIF, HEIC or `.npy`, as the body or as a file in a form.
public struct ImageAdapter: HTTPAdapter {
    /// Whether to apply the orientation in the metadata; false by default.
    public var isUpright: Bool
    /// The form's field that holds the picture; nil takes the form's only file.
    public var field: String?
    /// The most bytes of the whole body; 64 MiB by default. A larger body is answered with 413.
    public var maxBytes: Int

    public init(isUpright: Bool = false, field: String? = nil, maxBytes: Int = HTTPBody.defaultCollectLimit) {
        self.isUpright = isUpright
        self.field = field
        self.maxBytes = maxBytes
    }

    public func input(from request: ServeRequest) async throws -> Image {
        try await request.image(isUpright: isUpright, field: field, maxBytes: maxBytes)
    }
}

/// Reads a picture from the body or a form's file, and answers in the format that the request accepts.
extension Image: HTTPInput, HTTPOutput, JSONSchemaProviding {
    public static func input(from request: ServeRequest) async throws -> Image { try await request.image() }
    public func response(to request: ServeRequest) async throws -> ServeResponse {
        try await .image(self, for: request)
    }
    public static var jsonSchema: JSONSchema { .media(["image/png", "image/jpeg", "image/webp", "application/x-npy"]) }
}

/// Reads a tensor from a NumPy array (`.npy`), and answers with one.
extension Tensor: HTTPInput, HTTPOutput, JSONSchemaProviding {
    /// - Throws: ``ServeHTTPError`` with status 400 for a damaged array, 413 for one above the limits, 415 for an
    ///   unsupported element type.
    public static func input(from request: ServeRequest) async throws -> Tensor {
        let file = try await FileAdapter().input(from: request).content
        do {
            return try Tensor(npy: file)
        } catch {
            let status: HTTPStatus =
                switch error.code {
                case .tooLarge: .contentTooLarge
                case .unsupportedType: .unsupportedMediaType
                default: .badRequest
                }
            throw ServeHTTPError(status, error.message)
        }
    }
    public func response(to request: ServeRequest) throws -> ServeResponse { try .array(self) }
    public static var jsonSchema: JSONSchema { .media(["application/x-npy"]) }
}
