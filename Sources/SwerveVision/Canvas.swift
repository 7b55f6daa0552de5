/// An RGB image to draw on.
struct Canvas {
    let width: Int
    let height: Int
    private(set) var pixels: [UInt8]

    /// - Throws: ``ImageError`` with code `invalidArgument` or `tooLarge`.
    init(width: Int, height: Int, background: RGBColor) throws(ImageError) {
        try Image.checkSize(width: width, height: height)
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: background.red, count: width * height * 3)
        if background.green != background.red || background.blue != background.red {
            fill(x: 0, y: 0, width: width, height: height, background)
        }
    }

    var image: Image { Image(checkedWidth: width, height: height, channels: 3, pixels: pixels) }

    /// Fills a rectangle, clipped to the canvas.
    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: RGBColor) {
        for row in max(y, 0)..<max(0, y, min(y + height, self.height)) {
            for column in max(x, 0)..<max(0, x, min(x + width, self.width)) {
                let at = (row * self.width + column) * 3
                pixels[at] = color.red
                pixels[at + 1] = color.green
                pixels[at + 2] = color.blue
            }
        }
    }

    /// Mixes a colour into a pixel. Does nothing outside the canvas.
    ///
    /// - Parameter opacity: from 0 (keeps the pixel) to 1 (replaces it with the colour).
    mutating func blend(x: Int, y: Int, _ color: RGBColor, opacity: Double) {
        guard (0..<width).contains(x), (0..<height).contains(y) else { return }
        let at = (y * width + x) * 3
        for (channel, value) in [color.red, color.green, color.blue].enumerated() {
            let old = Double(pixels[at + channel])
            pixels[at + channel] = UInt8((old + (Double(value) - old) * opacity).rounded())
        }
    }

    /// Fills a rectangle with round corners and smooth edges, clipped to the canvas.
    mutating func fillRounded(x: Int, y: Int, width: Int, height: Int, radius: Double, _ color: RGBColor) {
        let (middleX, middleY) = (Double(width) / 2, Double(height) / 2)
        for row in 0..<height {
            for column in 0..<width {
                // The distance outside the rectangle spanned by the centres of the corner circles.
                let dx = max(0, abs(Double(column) + 0.5 - middleX) - middleX + radius)
                let dy = max(0, abs(Double(row) + 0.5 - middleY) - middleY + radius)
                let coverage = radius - (dx * dx + dy * dy).squareRoot() + 0.5
                if coverage > 0 { blend(x: x + column, y: y + row, color, opacity: min(1, coverage)) }
            }
        }
    }

    /// Copies an RGB image onto the canvas, which must contain it completely.
    mutating func paste(_ image: Image, x: Int, y: Int) {
        precondition(image.channels == 3 && x + image.width <= width && y + image.height <= height)
        let rowCount = image.width * 3
        for row in 0..<image.height {
            let to = ((y + row) * width + x) * 3
            let from = row * rowCount
            pixels.replaceSubrange(to..<(to + rowCount), with: image.pixels[from..<(from + rowCount)])
        }
    }
}
