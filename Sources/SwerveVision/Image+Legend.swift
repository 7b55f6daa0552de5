/// A line of a legend.
public struct LegendEntry: Hashable, Sendable, Codable {
    /// The text. Characters outside ASCII are shown as `?`; only the first 40 characters are shown.
    public var name: String
    /// The colour of the swatch before it.
    public var color: RGBColor
    /// The text at the right end of the line, such as a percentage; nil for none. Only the first 12 characters are
    /// shown.
    public var detail: String?

    public init(name: String, color: RGBColor, detail: String? = nil) {
        self.name = name
        self.color = color
        self.detail = detail
    }
}

/// The sizes of a legend, in dots.
struct LegendMetrics {
    static let margin = 6
    static let lineHeight = 15
    static let swatch = 10
    static let swatchRadius = 2.5
    static let gap = 5
    static let maximumCharacters = 40
    static let maximumDetailCharacters = 12

    /// How many lines fit into this height, given in pixels.
    static func lines(within height: Int, scale: Int) -> Int {
        (height / scale - margin * 2) / lineHeight
    }
}

extension Image {
    /// Draws colour swatches with names, one below the other.
    ///
    /// - Parameters:
    ///   - entries: 1 to 256 entries, from top to bottom.
    ///   - scale: the size of the letters' dots in pixels, from 1 to 16; capital letters are 7 dots high.
    ///   - foreground: the colour of the names; details are drawn in a colour halfway to the background.
    ///   - background: the colour around them.
    /// - Throws: ``ImageError`` with code `invalidArgument`, or `tooLarge` when the legend would exceed
    ///   ``Image/maximumPixels``.
    public static func legend(
        _ entries: [LegendEntry],
        scale: Int = 2,
        foreground: RGBColor = .black,
        background: RGBColor = .white
    ) throws(ImageError) -> Image {
        guard (1...256).contains(entries.count), (1...16).contains(scale) else {
            throw ImageError(.invalidArgument, "a legend needs 1 to 256 entries and a scale from 1 to 16")
        }
        typealias Metrics = LegendMetrics
        let names = entries.map { String($0.name.prefix(Metrics.maximumCharacters)) }
        let details = entries.map { String(($0.detail ?? "").prefix(Metrics.maximumDetailCharacters)) }
        let nameWidth = names.map { StrokeText.width(of: $0) }.max() ?? 0
        let detailWidth = details.map { StrokeText.width(of: $0) }.max() ?? 0
        let left = Double(Metrics.margin + Metrics.swatch + Metrics.gap)
        let right = left + nameWidth + (detailWidth > 0 ? Double(Metrics.gap) * 1.6 + detailWidth : 0)
        var canvas = try Canvas(
            width: Int(right.rounded(.up) + Double(Metrics.margin)) * scale,
            height: (Metrics.margin * 2 + entries.count * Metrics.lineHeight) * scale,
            background: background
        )
        let muted = foreground.mixed(with: background)
        let dot = Double(scale)
        for (line, entry) in entries.enumerated() {
            let top = Metrics.margin + line * Metrics.lineHeight
            let swatchTop = (top * 2 + Metrics.lineHeight - Metrics.swatch) * scale / 2
            canvas.fillRounded(
                x: Metrics.margin * scale,
                y: swatchTop,
                width: Metrics.swatch * scale,
                height: Metrics.swatch * scale,
                radius: Metrics.swatchRadius * dot,
                entry.color
            )
            let textTop = (Double(top) + Double(Metrics.lineHeight - 7) / 2) * dot
            StrokeText.draw(names[line], on: &canvas, x: left * dot, y: textTop, scale: dot, foreground)
            let detailLeft = (right - StrokeText.width(of: details[line])) * dot
            StrokeText.draw(details[line], on: &canvas, x: detailLeft, y: textTop, scale: dot, muted)
        }
        return canvas.image
    }
}

extension RGBColor {
    /// The colour halfway between this one and another.
    func mixed(with other: RGBColor) -> RGBColor {
        func middle(_ one: UInt8, _ two: UInt8) -> UInt8 { UInt8((Int(one) + Int(two)) / 2) }
        return RGBColor(
            red: middle(red, other.red),
            green: middle(green, other.green),
            blue: middle(blue, other.blue)
        )
    }
}
