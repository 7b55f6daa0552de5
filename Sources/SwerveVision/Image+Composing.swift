extension Image {
    /// Lays a colour over each pixel, according to the pixel's label.
    ///
    /// Equal to Pillow's `Image.blend(image, colours, alpha)`.
    ///
    /// - Parameters:
    ///   - labels: one label per pixel, row by row.
    ///   - palette: the colour of each label.
    ///   - alpha: from 0 (only the image) to 1 (only the colours); 0.5 by default.
    /// - Returns: an RGB image.
    /// - Throws: ``ImageError`` with code `invalidArgument`.
    public func overlay(labels: [UInt8], palette: Palette, alpha: Double = 0.5) throws(ImageError) -> Image {
        guard labels.count == width * height else {
            throw ImageError(.invalidArgument, "\(labels.count) labels for \(width * height) pixels")
        }
        guard (0...1).contains(alpha) else {
            throw ImageError(.invalidArgument, "alpha must be from 0 to 1, not \(alpha)")
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

    /// Places images next to each other, aligned at the top.
    ///
    /// - Parameters:
    ///   - images: from left to right, at least one.
    ///   - gap: the number of pixels between two images.
    ///   - background: the colour of gaps and of the space below smaller images.
    /// - Returns: an RGB image.
    /// - Throws: ``ImageError`` with code `invalidArgument` or `tooLarge`.
    public static func sideBySide(
        _ images: [Image],
        gap: Int = 8,
        background: RGBColor = .white
    ) throws(ImageError) -> Image {
        guard !images.isEmpty, (0...4096).contains(gap) else {
            throw ImageError(.invalidArgument, "a row needs at least one image and a gap from 0 to 4096 pixels")
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
