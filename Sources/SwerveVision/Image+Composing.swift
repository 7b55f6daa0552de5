/// A line of a legend.
public struct LegendEntry: Hashable, Sendable, Codable {
    /// The text; characters outside ASCII are shown as `?`, and 40 characters at most.
    public var name: String
    /// The colour of the swatch before it.
    public var color: RGBColor

    public init(name: String, color: RGBColor) {
        self.name = name
        self.color = color
    }
}

extension Image {
    private static let maximumLegendCharacters = 40

    /// The image with a colour laid over each pixel, according to its label.
    ///
    /// Equal to Pillow's `Image.blend(image, colours, alpha)`.
    ///
    /// - Parameters:
    ///   - labels: one per pixel, row by row.
    ///   - palette: the colour of each label.
    ///   - alpha: from 0, the image, to 1, the colours; 0.5 unless said otherwise.
    /// - Returns: an RGB image.
    /// - Throws: ``ImageError`` with code `invalidArgument`.
    public func overlay(labels: [UInt8], palette: Palette, alpha: Double = 0.5) throws(ImageError) -> Image {
        guard labels.count == width * height else {
            throw ImageError(.invalidArgument, "\(labels.count) labels for \(width * height) pixels")
        }
        guard (0...1).contains(alpha) else {
            throw ImageError(.invalidArgument, "alpha is from 0 to 1, not \(alpha)")
        }
        try palette.check(covers: labels)
        let source = converted(to: .rgb).pixels
        let colors = palette.colors.flatMap { [Int32($0.red), Int32($0.green), Int32($0.blue)] }
        let alpha = Float(alpha)
        let result = [UInt8](unsafeUninitializedCapacity: source.count) { target, initializedCount in
            initializedCount = source.count
            for (i, label) in labels.enumerated() {
                for channel in 0..<3 {
                    let value = Int32(source[3 * i + channel])
                    let color = colors[3 * Int(label) + channel]
                    target[3 * i + channel] = UInt8(Float(value) + alpha * Float(color - value))
                }
            }
        }
        return Image(checkedWidth: width, height: height, channels: 3, pixels: result)
    }

    /// A picture of swatches with names, one below the other.
    ///
    /// - Parameters:
    ///   - entries: from top to bottom; from 1 to 256.
    ///   - scale: the side of a dot of the letters in pixels, from 1 to 16.
    ///   - foreground: the colour of the letters.
    ///   - background: the colour around them.
    /// - Throws: ``ImageError`` with code `invalidArgument`.
    public static func legend(
        _ entries: [LegendEntry],
        scale: Int = 2,
        foreground: RGBColor = .black,
        background: RGBColor = .white
    ) throws(ImageError) -> Image {
        guard (1...256).contains(entries.count), (1...16).contains(scale) else {
            throw ImageError(.invalidArgument, "a legend has 1 to 256 entries, its scale is from 1 to 16")
        }
        let names = entries.map { String($0.name.prefix(maximumLegendCharacters)) }
        let columns = names.map(\.count).max() ?? 0
        let margin = 4 * scale
        let swatch = (width: 16 * scale, height: 8 * scale)
        let lineHeight = (BitmapFont.cellHeight + 3) * scale
        var canvas = try Canvas(
            width: margin * 3 + swatch.width + columns * BitmapFont.cellWidth * scale,
            height: margin * 2 + entries.count * lineHeight,
            background: background
        )
        for (line, entry) in entries.enumerated() {
            let y = margin + line * lineHeight
            canvas.fill(x: margin, y: y, width: swatch.width, height: swatch.height, entry.color)
            canvas.draw(names[line], x: margin * 2 + swatch.width, y: y, scale: scale, foreground)
        }
        return canvas.image
    }

    /// Images next to one another, aligned at the top.
    ///
    /// - Parameters:
    ///   - images: from left to right, at least one.
    ///   - gap: the pixels between two images.
    ///   - background: the colour of gaps and of the space below smaller images.
    /// - Returns: an RGB image.
    /// - Throws: ``ImageError`` with code `invalidArgument` or `tooLarge`.
    public static func sideBySide(
        _ images: [Image],
        gap: Int = 8,
        background: RGBColor = .white
    ) throws(ImageError) -> Image {
        guard !images.isEmpty, (0...4096).contains(gap) else {
            throw ImageError(.invalidArgument, "one image at least is needed, and a gap from 0 to 4096 pixels")
        }
        var canvas = try Canvas(
            width: images.map(\.width).reduce(gap * (images.count - 1), +),
            height: images.map(\.height).max() ?? 1,
            background: background
        )
        var x = 0
        for image in images {
            canvas.paste(image.converted(to: .rgb), x: x, y: 0)
            x += image.width + gap
        }
        return canvas.image
    }
}
