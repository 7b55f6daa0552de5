internal import NIOCore
public import SwerveHTTPTypes
internal import SwerveTensor
public import SwerveVision

extension HTTPRequest {
    /// The request's body as a picture: JPEG, PNG, or a NumPy array of bytes (`.npy`, height × width × channels).
    ///
    /// - Throws: ``HTTPError`` with status 415 for other formats, 413 for more bytes or pixels than the limits, 400 for a
    ///   damaged file.
    public func image(
        as format: Image.PixelFormat = .rgb,
        limits: ImageLimits = ImageLimits(),
        maxBytes: Int = HTTPBody.defaultCollectLimit
    ) async throws -> Image {
        let bytes = try await body.collect(upTo: maxBytes)
        do {
            if bytes.readableBytesView.starts(with: [0x93, UInt8(ascii: "N"), UInt8(ascii: "U")]) {
                return try Image(pixels: Tensor(npy: bytes)).converted(to: format)
            }
            return try Image.decode(bytes, as: format, limits: limits)
        } catch let error as ImageError {
            throw HTTPError(error.status, error.message)
        } catch let error as TensorError {
            throw HTTPError(.badRequest, "the array is no picture: \(error)")
        }
    }
}

extension HTTPResponse {
    /// A picture in the format that the request accepts: PNG unless it asks for `image/jpeg` or `application/x-npy`.
    public static func image(_ image: Image, for request: HTTPRequest) throws -> HTTPResponse {
        let accept = request.headers["accept"] ?? ""
        if accept.contains("image/jpeg"), !accept.contains("image/png") {
            return .bytes(try image.jpeg(quality: 90), contentType: "image/jpeg")
        }
        if request.acceptsArray {
            let shape =
                image.channels == 1 ? [image.height, image.width] : [image.height, image.width, image.channels]
            return .array(try Tensor(shape: shape, values: image.pixels))
        }
        return .bytes(try image.png(level: 1), contentType: "image/png")
    }

    static func array(_ tensor: Tensor) -> HTTPResponse {
        .bytes(tensor.npy(), contentType: HTTPRequest.arrayContentType)
    }

    /// A class map of the picture as a NumPy array of bytes, height × width.
    public static func labels(_ labels: [UInt8], width: Int, height: Int) throws -> HTTPResponse {
        .array(try Tensor(shape: [height, width], values: labels))
    }
}

extension HTTPRequest {
    static let arrayContentType = "application/x-npy"

    /// Whether the client wants a NumPy array.
    public var acceptsArray: Bool { headers["accept"]?.contains(Self.arrayContentType) ?? false }
}

extension ImageError {
    /// The status that tells a client what is wrong with its picture.
    public var status: HTTPStatus {
        switch code {
        case .unsupportedFormat: .unsupportedMediaType
        case .tooLarge: .contentTooLarge
        case .corrupt, .invalidArgument: .badRequest
        default: .internalServerError
        }
    }
}

extension Image {
    /// The picture that an array of bytes holds: height × width, or height × width × 1, 3 or 4.
    init(pixels tensor: Tensor) throws {
        guard tensor.elementType == .uint8, (2...3).contains(tensor.shape.count) else {
            throw HTTPError(
                .badRequest,
                "a picture is an array of uint8 of shape [height, width] or [height, width, channels], not "
                    + "\(tensor.elementType) of \(tensor.shape)"
            )
        }
        try self.init(
            width: tensor.shape[1],
            height: tensor.shape[0],
            channels: tensor.shape.count == 3 ? tensor.shape[2] : 1,
            pixels: try tensor.values(as: UInt8.self)
        )
    }
}
