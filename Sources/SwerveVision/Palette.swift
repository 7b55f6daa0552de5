/// A colour without transparency.
public struct RGBColor: Hashable, Sendable, Codable {
    /// From 0 to 255.
    public var red: UInt8
    /// From 0 to 255.
    public var green: UInt8
    /// From 0 to 255.
    public var blue: UInt8

    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    public static let black = RGBColor(red: 0, green: 0, blue: 0)
    public static let white = RGBColor(red: 255, green: 255, blue: 255)
}

/// The colours of labels: label 0 has the first.
public struct Palette: Hashable, Sendable {
    /// From 1 to 256 colours.
    public let colors: [RGBColor]

    /// - Throws: ``ImageError`` with code `invalidArgument` unless there are 1 to 256 colours.
    public init(_ colors: [RGBColor]) throws(ImageError) {
        guard (1...256).contains(colors.count) else {
            throw ImageError(.invalidArgument, "a palette has 1 to 256 colours, not \(colors.count)")
        }
        self.colors = colors
    }

    private init(unchecked colors: [RGBColor]) {
        self.colors = colors
    }

    /// The 256 colours of the Pascal VOC data set, which are easy to tell apart; the first is black.
    public static let distinct = Palette(
        unchecked: (0..<256).map { label in
            // Each bit of the label goes to one of the three channels; the lowest bits become the highest ones.
            var color = RGBColor.black
            var rest = UInt8(label)
            for shift in stride(from: UInt8(7), through: 0, by: -1) {
                color.red |= (rest & 1) << shift
                color.green |= (rest >> 1 & 1) << shift
                color.blue |= (rest >> 2 & 1) << shift
                rest >>= 3
                if rest == 0 { break }
            }
            return color
        }
    )

    /// - Throws: ``ImageError`` with code `invalidArgument` when a label has no colour.
    func check(covers labels: [UInt8]) throws(ImageError) {
        guard colors.count < 256, let highest = labels.max(), Int(highest) >= colors.count else { return }
        throw ImageError(.invalidArgument, "label \(highest) has no colour: the palette has \(colors.count)")
    }
}

extension Palette: Codable {
    /// Reads the colours. Throws `DecodingError.dataCorrupted` when there are none or more than 256.
    public init(from decoder: any Decoder) throws {
        let colors = try decoder.singleValueContainer().decode([RGBColor].self)
        do {
            try self.init(colors)
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error)
            )
        }
    }

    /// Writes the colours.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(colors)
    }
}
