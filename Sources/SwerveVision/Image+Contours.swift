extension Image {
    /// Draws a line with smooth edges along the inner edge of each region of equal labels, in the colour of the label.
    ///
    /// The edge of the image does not end a region; only a different label does.
    ///
    /// - Parameters:
    ///   - labels: one label per pixel, row by row.
    ///   - palette: the colour of each label.
    ///   - width: the width of the line in pixels, from 1 to 64; 3 by default. Where two regions meet, their lines
    ///     together are twice as wide.
    ///   - omitting: labels whose regions get no line, such as the background's; none by default.
    /// - Returns: an RGB image.
    /// - Throws: ``ImageError`` with code `invalidArgument`.
    public func contours(
        labels: [UInt8],
        palette: Palette,
        width lineWidth: Int = 3,
        omitting: Set<UInt8> = []
    ) throws(ImageError) -> Image {
        guard labels.count == width * height else {
            throw ImageError(.invalidArgument, "\(labels.count) labels for \(width * height) pixels")
        }
        guard (1...64).contains(lineWidth) else {
            throw ImageError(.invalidArgument, "a line is 1 to 64 pixels wide, not \(lineWidth)")
        }
        try palette.check(covers: labels)
        let distances = edgeDistances(labels)
        var pixels = converted(to: .rgb).pixels
        let colors = palette.colors.map { [Int($0.red), Int($0.green), Int($0.blue)] }
        let isOmitted = (UInt8.min...UInt8.max).map { omitting.contains($0) }
        // In the units of `EdgeDistance`: full colour up to the line's width, then a fade over one and a half pixels.
        let full = lineWidth * EdgeDistance.pixel
        let fade = EdgeDistance.pixel * 3 / 2
        for (i, label) in labels.enumerated() where distances[i] < full + fade && !isOmitted[Int(label)] {
            let opacity = min(fade, full + fade - Int(distances[i]))
            for channel in 0..<3 {
                let old = Int(pixels[3 * i + channel])
                pixels[3 * i + channel] = UInt8(old + (colors[Int(label)][channel] - old) * opacity / fade)
            }
        }
        return Image(checkedWidth: width, height: height, channels: 3, pixels: pixels)
    }

    /// The approximate distance of each pixel to the nearest pixel with another label: a chamfer distance with steps 5
    /// and 7.
    private func edgeDistances(_ labels: [UInt8]) -> [UInt16] {
        typealias Distance = EdgeDistance
        var distances = [UInt16](repeating: Distance.far, count: labels.count)
        let (width, height) = (width, height)
        /// One pass over all pixels, each looking at four of its neighbours.
        func pass(_ order: some Sequence<Int>, _ columns: [Int], _ offsets: [(dx: Int, dy: Int, step: UInt16)]) {
            for y in order {
                for x in columns {
                    let i = y * width + x
                    for (dx, dy, step) in offsets {
                        let (nx, ny) = (x + dx, y + dy)
                        guard nx >= 0, nx < width, ny >= 0, ny < height else { continue }
                        let neighbour = ny * width + nx
                        let isOther = labels[neighbour] != labels[i]
                        distances[i] = min(distances[i], isOther ? step : distances[neighbour] &+ step)
                    }
                }
            }
        }
        let side = UInt16(Distance.pixel)
        let corner = Distance.diagonal
        pass(0..<height, Array(0..<width), [(-1, 0, side), (-1, -1, corner), (0, -1, side), (1, -1, corner)])
        let backward: [(dx: Int, dy: Int, step: UInt16)] = [
            (1, 0, side), (1, 1, corner), (0, 1, side), (-1, 1, corner),
        ]
        pass((0..<height).reversed(), (0..<width).reversed(), backward)
        return distances
    }
}

/// The units of ``Image/contours(labels:palette:width:omitting:)``.
private enum EdgeDistance {
    static let pixel = 5
    static let diagonal: UInt16 = 7
    /// Larger than any distance that matters, with room to add a step.
    static let far = UInt16.max - 8
}
