internal import NIOCore

/// An image of 8 bits per channel.
///
/// Rows lie one after another without gaps, the channels of a pixel side by side. Operations that Pillow also has give
/// the same bytes as Pillow.
public struct Image: Hashable, Sendable {
    /// The largest product of width and height that an image may have, 2^28.
    public static let maximumPixels = 1 << 28

    /// The meaning of the channels.
    public struct PixelFormat: Hashable, Sendable, CustomStringConvertible {
        private enum Kind {
            case grayscale, rgb, rgba
        }

        private let kind: Kind

        /// One channel, from black (0) to white (255).
        public static let grayscale = PixelFormat(kind: .grayscale)
        /// Red, green, blue.
        public static let rgb = PixelFormat(kind: .rgb)
        /// Red, green, blue and opacity, not premultiplied.
        public static let rgba = PixelFormat(kind: .rgba)

        /// How many channels there are: 1, 3 or 4.
        public var channels: Int {
            switch kind {
            case .grayscale: 1
            case .rgb: 3
            case .rgba: 4
            }
        }

        public var description: String {
            switch kind {
            case .grayscale: "grayscale"
            case .rgb: "rgb"
            case .rgba: "rgba"
            }
        }
    }

    /// The number of columns, at least 1.
    public let width: Int
    /// The number of rows, at least 1.
    public let height: Int
    /// 1 for grey, 3 for RGB, 4 for RGBA.
    public let channels: Int
    /// The rows from top to bottom, `width * height * channels` bytes.
    public let pixels: [UInt8]

    /// The meaning of the channels.
    public var format: PixelFormat {
        switch channels {
        case 1: .grayscale
        case 3: .rgb
        default: .rgba
        }
    }

    /// Makes an image from existing pixels.
    ///
    /// - Parameters:
    ///   - width: the number of columns, at least 1.
    ///   - height: the number of rows, at least 1.
    ///   - channels: 1 for grey, 3 for RGB, 4 for RGBA.
    ///   - pixels: the rows from top to bottom, `width * height * channels` bytes.
    /// - Throws: ``ImageError`` with code `invalidArgument` or `tooLarge`.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) throws(ImageError) {
        try Image.checkSize(width: width, height: height)
        guard channels == 1 || channels == 3 || channels == 4 else {
            throw ImageError(.invalidArgument, "an image has 1, 3 or 4 channels, not \(channels)")
        }
        guard pixels.count == width * height * channels else {
            throw ImageError(
                .invalidArgument,
                "\(width) x \(height) x \(channels) takes \(width * height * channels) bytes, there are \(pixels.count)"
            )
        }
        self.init(checkedWidth: width, height: height, channels: channels, pixels: pixels)
    }

    /// Makes an image from parts that are known to fit.
    init(checkedWidth: Int, height: Int, channels: Int, pixels: [UInt8]) {
        self.width = checkedWidth
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// - Throws: ``ImageError`` with code `invalidArgument` for a size below 1, `tooLarge` for one above the maximum.
    package static func checkSize(width: Int, height: Int) throws(ImageError) {
        guard width > 0, height > 0 else {
            throw ImageError(.invalidArgument, "width and height must be at least 1, not \(width) and \(height)")
        }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, count <= maximumPixels else {
            throw ImageError(.tooLarge, "\(width) x \(height) pixels, an image has at most \(maximumPixels)")
        }
    }
}

extension Image: CustomStringConvertible {
    public var description: String { "Image(\(width) x \(height), \(format))" }
}

extension Image: Codable {
    private enum CodingKeys: String, CodingKey {
        case width, height, channels, pixels
    }

    /// Reads and validates an image.
    ///
    /// - Throws: `DecodingError.dataCorrupted` with an ``ImageError`` as the underlying error when the parts do not fit
    ///   together.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let width = try container.decode(Int.self, forKey: .width)
        let height = try container.decode(Int.self, forKey: .height)
        let channels = try container.decode(Int.self, forKey: .channels)
        let pixels = try container.decode(ByteBuffer.self, forKey: .pixels)
        do {
            try self.init(width: width, height: height, channels: channels, pixels: Array(pixels.readableBytesView))
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error)
            )
        }
    }

    /// Writes the pixels as one `ByteBuffer`, which an encoder can store as one block.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(width, forKey: .width)
        try container.encode(height, forKey: .height)
        try container.encode(channels, forKey: .channels)
        try container.encode(ByteBuffer(bytes: pixels), forKey: .pixels)
    }
}
