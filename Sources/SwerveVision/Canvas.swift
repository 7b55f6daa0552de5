/// An RGB image that is drawn on.
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

    /// Fills a rectangle; what lies outside is cut off.
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

    /// Draws text in cells of 6 x 9 dots; what lies outside is cut off.
    ///
    /// - Parameters:
    ///   - scale: the side of a dot in pixels.
    mutating func draw(_ text: String, x: Int, y: Int, scale: Int, _ color: RGBColor) {
        for (position, character) in text.enumerated() {
            let left = x + position * BitmapFont.cellWidth * scale
            BitmapFont.forEachDot(of: character) { column, row in
                fill(x: left + column * scale, y: y + row * scale, width: scale, height: scale, color)
            }
        }
    }

    /// Copies an RGB image that lies wholly within the canvas.
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
