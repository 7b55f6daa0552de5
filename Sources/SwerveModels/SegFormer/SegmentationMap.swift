internal import NIOCore
public import SwerveVision

/// The class of each pixel of an image.
public struct SegmentationMap: Hashable, Sendable {
    /// The number of columns, at least 1.
    public let width: Int
    /// The number of rows, at least 1.
    public let height: Int
    /// The label of each pixel, row by row from the top.
    public let labels: [UInt8]

    /// - Throws: ``ImageError`` with code `invalidArgument` or `tooLarge` when the numbers do not fit together.
    public init(width: Int, height: Int, labels: [UInt8]) throws {
        // A map is an image with one channel, so the same rules apply.
        let image = try Image(width: width, height: height, channels: 1, pixels: labels)
        self.width = image.width
        self.height = image.height
        self.labels = image.pixels
    }

    /// The number of pixels of each label; 256 numbers.
    public func histogram() -> [Int] {
        var counts = [Int](repeating: 0, count: 256)
        for label in labels { counts[Int(label)] += 1 }
        return counts
    }

    /// The labels that occur, most frequent first; equally frequent ones in ascending order.
    public func labelsByFrequency() -> [UInt8] {
        let counts = histogram()
        return (UInt8.min...UInt8.max).filter { counts[Int($0)] > 0 }
            .sorted { (counts[Int($1)], $0) < (counts[Int($0)], $1) }
    }

    /// An RGB image in which each pixel has the colour of its label.
    ///
    /// - Throws: ``ImageError`` with code `invalidArgument` when a label has no colour.
    public func colored(_ palette: Palette) throws(ImageError) -> Image {
        let highest = Int(labels.max() ?? 0)
        guard highest < palette.colors.count else {
            throw ImageError(
                .invalidArgument,
                "label \(highest) has no colour: the palette has \(palette.colors.count)"
            )
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(labels.count * 3)
        for label in labels {
            let color = palette.colors[Int(label)]
            pixels.append(color.red)
            pixels.append(color.green)
            pixels.append(color.blue)
        }
        return try Image(width: width, height: height, channels: 3, pixels: pixels)
    }

    /// The map as a PNG file whose pixel values are the labels, shown in the colours of the palette.
    ///
    /// - Parameters:
    ///   - palette: the colour of each label.
    ///   - level: the compression effort, from 0 to 9; 1 by default.
    /// - Throws: ``ImageError``.
    public func png(palette: Palette, level: Int = 1) throws(ImageError) -> [UInt8] {
        try Image(width: width, height: height, channels: 1, pixels: labels).png(palette: palette, level: level)
    }
}

extension SegmentationMap: CustomStringConvertible {
    public var description: String { "SegmentationMap(\(width) x \(height))" }
}

extension SegmentationMap: Codable {
    private enum CodingKeys: String, CodingKey {
        case width, height, labels
    }

    /// Reads and validates a map. Throws `DecodingError.dataCorrupted` when the parts do not fit together.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let labels = try container.decode(ByteBuffer.self, forKey: .labels)
        do {
            try self.init(
                width: container.decode(Int.self, forKey: .width),
                height: container.decode(Int.self, forKey: .height),
                labels: Array(labels.readableBytesView)
            )
        } catch let error as ImageError {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error)
            )
        }
    }

    /// Writes the labels as one `ByteBuffer`, which an encoder can store as one block.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(width, forKey: .width)
        try container.encode(height, forKey: .height)
        try container.encode(ByteBuffer(bytes: labels), forKey: .labels)
    }
}
