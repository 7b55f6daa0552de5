internal import NIOCore
public import SwerveHTTPTypes
internal import SwerveTensor
public import SwerveVision

extension ServeRequest {
    /// Reads the request's picture: JPEG, PNG, WebP, AVIF, HEIC, or a NumPy array of bytes (`.npy`, height × width ×
    /// channels). The picture is the body itself, or the file in a `multipart/form-data` form, as browsers and `curl -F`
    /// send it. It is decoded off the caller's actor, see ``PictureWork``.
    ///
    /// - Parameters:
    ///   - format: the channels wanted.
    ///   - isUpright: whether to apply the orientation in the metadata; false by default.
    ///   - field: the form's field that holds the picture; nil takes the form's only file. Ignored when the body is not
    ///     a form.
    ///   - limits: the limits on the picture.
    ///   - maxBytes: the most bytes of the whole body; 64 MiB by default.
    /// - Throws: ``ServeHTTPError`` with status 415 for other formats, 413 for more bytes or pixels than the limits allow,
    ///   400 for a damaged file or a form without the picture.
    public func image(
        as format: Image.PixelFormat = .rgb,
        isUpright: Bool = false,
        field: String? = nil,
        limits: ImageLimits = ImageLimits(),
        maxBytes: Int = HTTPBody.defaultCollectLimit
    ) async throws -> Image {
        let file = try await imageFile(field: field, maxBytes: maxBytes)
        return try await PictureWork.current.run {
            try Self.image(in: file, as: format, isUpright: isUpright, limits: limits)
        }
    }

    private static func image(
        in file: ByteBuffer,
        as format: Image.PixelFormat,
        isUpright: Bool,
        limits: ImageLimits
    ) throws(ServeHTTPError) -> Image {
        do {
            if Image.isNPY(file) { return try Image(npy: file, limits: limits).converted(to: format) }
            return try Image.decode(file, as: format, isUpright: isUpright, limits: limits)
        } catch {
            let more = error.code == .unsupportedFormat ? ", and NumPy arrays (.npy)" : ""
            throw ServeHTTPError(error.status, error.message + more)
        }
    }

    private func imageFile(field: String?, maxBytes: Int) async throws -> ByteBuffer {
        guard isMultipartForm else { return try await body.collect(upTo: maxBytes) }
        let form = try await multipartForm(upTo: maxBytes)
        if let field {
            guard let part = form[field] else { throw ServeHTTPError(.badRequest, "the form has no field '\(field)'") }
            return part.body
        }
        let files = form.files
        guard files.count == 1 else {
            throw ServeHTTPError(.badRequest, "the form needs one file, the picture; it has \(files.count)")
        }
        return files[0].body
    }
}

extension ServeResponse {
    /// Answers with a picture in the format that the request's `Accept` prefers: PNG, the default, JPEG, WebP unless the
    /// picture is too large for it, or a NumPy array of bytes, `application/x-npy`.
    ///
    /// - Throws: ``ServeHTTPError`` with status 406 when `Accept` excludes PNG and names none of the others;
    ///   `ImageError`.
    public static func image(_ image: Image, for request: ServeRequest) throws -> ServeResponse {
        let fitsWebP = max(image.width, image.height) <= Image.maximumWebPSide
        let type =
            fitsWebP
            ? try request.accepted(of: .png, .jpeg, .webP, .array) : try request.accepted(of: .png, .jpeg, .array)
        let response: ServeResponse =
            switch type {
            case .jpeg: .bytes(try image.jpeg(quality: 90), contentType: type.essence)
            case .webP: .bytes(try image.webp(quality: 90), contentType: type.essence)
            case .array: .bytes(try image.npy(), contentType: type.essence)
            default: .bytes(try image.png(level: 1), contentType: type.essence)
            }
        return response.varying(by: "accept")
    }

    static func array(_ tensor: Tensor) throws -> ServeResponse {
        .bytes(try tensor.npy(), contentType: MediaType.array.essence)
    }

    /// Answers with the class of each pixel as a NumPy array of bytes, height × width.
    public static func labels(_ labels: [UInt8], width: Int, height: Int) throws -> ServeResponse {
        try .array(try Tensor(shape: [height, width], values: labels))
    }
}

extension ImageError: ServeHTTPErrorConvertible {
    /// The answer to the client when its picture is at fault; `nil` when it is not.
    public var httpError: ServeHTTPError? {
        status == .internalServerError ? nil : ServeHTTPError(status, message)
    }

    /// The HTTP status for this error: 4xx when the client's picture is at fault, otherwise 500.
    public var status: HTTPStatus {
        switch code {
        case .unsupportedFormat: .unsupportedMediaType
        case .tooLarge: .contentTooLarge
        case .corrupt, .invalidArgument: .badRequest
        default: .internalServerError
        }
    }
}

extension ServeRequest {
    /// The segmentation picture that the query asks for: `?picture=overlay`, `side-by-side` or `contour`; an overlay
    /// when it does not say.
    ///
    /// - Throws: ``ServeHTTPError`` with status 400 for another name, listing the names.
    public func segmentationPicture() throws(ServeHTTPError) -> SegmentationPicture {
        guard let name = queryValue("picture") else { return .overlay }
        if let picture = SegmentationPicture(name: name) { return picture }
        let names = SegmentationPicture.all.map(\.description).joined(separator: ", ")
        throw ServeHTTPError(.badRequest, "no picture named '\(name.prefix(40))'; the names are \(names)")
    }
}
