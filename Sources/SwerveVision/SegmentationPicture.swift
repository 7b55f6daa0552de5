/// A way to show the class of each pixel of an image.
public struct SegmentationPicture: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String, CaseIterable {
        case overlay
        case sideBySide = "side-by-side"
        case contour
    }

    private let kind: Kind

    /// The image in grey with the colours of the classes laid over it, and a legend.
    public static let overlay = SegmentationPicture(kind: .overlay)
    /// The unchanged image next to the one of ``overlay``, with a legend.
    public static let sideBySide = SegmentationPicture(kind: .sideBySide)
    /// The image with lines around the regions, with a legend.
    public static let contour = SegmentationPicture(kind: .contour)

    private init(kind: Kind) {
        self.kind = kind
    }

    /// The picture with this name: `overlay`, `side-by-side` or `contour`; nil for any other.
    public init?(name: String) {
        guard let kind = Kind(rawValue: name) else { return nil }
        self.kind = kind
    }

    /// All pictures.
    public static let all = Kind.allCases.map { SegmentationPicture(kind: $0) }

    /// The name, as in ``init(name:)``.
    public var description: String { kind.rawValue }

    /// Draws the picture on a white page with a legend of the classes that occur, most frequent first.
    ///
    /// The legend has as many lines as fit beside the image, but at least six; if there are more classes, the last line
    /// counts the ones left out.
    ///
    /// - Parameters:
    ///   - image: the picture that was segmented.
    ///   - labels: the class of each of its pixels, row by row.
    ///   - classes: the name and the colour of each of the 1 to 256 classes; their details are replaced.
    /// - Returns: an RGB image, larger than `image`.
    /// - Throws: ``ImageError`` with code `invalidArgument`, or `tooLarge` when the page would exceed
    ///   ``Image/maximumPixels``.
    public func drawn(of image: Image, labels: [UInt8], classes: [LegendEntry]) throws(ImageError) -> Image {
        let palette = try Palette(classes.map(\.color))
        let scale = max(2, min(8, min(image.width, image.height) / 200))
        let line = max(1, scale * 3 / 4)
        let panels: [Image]
        switch kind {
        case .overlay:
            panels = [try colored(image, labels, palette, line)]
        case .sideBySide:
            panels = [image, try colored(image, labels, palette, line)]
        case .contour:
            panels = [try image.contours(labels: labels, palette: palette, width: scale + line)]
        }
        let entries = legendEntries(labels, classes, lines: LegendMetrics.lines(within: image.height, scale: scale))
        let legend = try Image.legend(entries, scale: scale, foreground: .ink)
        return try page(panels, legend, scale: scale)
    }

    /// Lays the colours over the grey image, which keeps their hue as in the legend, and draws edges in full colour.
    private func colored(
        _ image: Image,
        _ labels: [UInt8],
        _ palette: Palette,
        _ line: Int
    ) throws(ImageError) -> Image {
        try image.grayscale().overlay(labels: labels, palette: palette, alpha: 0.55)
            .contours(labels: labels, palette: palette, width: line)
    }

    private func legendEntries(_ labels: [UInt8], _ classes: [LegendEntry], lines: Int) -> [LegendEntry] {
        var counts = [Int](repeating: 0, count: 256)
        for label in labels { counts[Int(label)] += 1 }
        let present = counts.indices.filter { counts[$0] > 0 }
            .sorted { (counts[$1], $0) < (counts[$0], $1) }
        let room = max(6, lines)
        let named = present.count <= room ? present : Array(present.prefix(room - 1))
        var entries = named.map { label in
            var entry = classes[label]
            let percent = (counts[label] * 200 + labels.count) / (labels.count * 2)
            entry.detail = percent == 0 ? "< 1 %" : "\(percent) %"
            return entry
        }
        if named.count < present.count {
            entries.append(LegendEntry(name: "\(present.count - named.count) more", color: .white))
        }
        return entries
    }

    /// Places the panels and the legend in a row, with white space around them.
    private func page(_ panels: [Image], _ legend: Image, scale: Int) throws(ImageError) -> Image {
        let margin = 8 * scale
        let gap = 6 * scale
        let height = max(panels[0].height, legend.height)
        var canvas = try Canvas(
            width: margin * 2 + panels.reduce(0) { $0 + $1.width + gap } + legend.width - gap,
            height: margin * 2 + height,
            background: .white
        )
        var x = margin
        for panel in panels {
            canvas.paste(panel.converted(to: .rgb), x: x, y: margin)
            x += panel.width + gap
        }
        // The legend has its own margin.
        canvas.paste(legend, x: x - gap, y: margin)
        return canvas.image
    }
}

extension RGBColor {
    /// Nearly black, for text.
    static let ink = RGBColor(red: 31, green: 36, blue: 48)
}
