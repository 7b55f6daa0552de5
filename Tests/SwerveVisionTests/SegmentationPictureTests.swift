import SwerveVision
import Testing

@Suite("Pictures of a segmentation")
struct SegmentationPictureTests {
    private static let colors = [RGBColor.black, RGBColor(red: 250, green: 0, blue: 0), .white]
    private static let classes = zip(["ground", "roof", "sky"], colors).map { LegendEntry(name: $0, color: $1) }

    /// 40 x 30 grey pixels; label 1 in a rectangle from (10, 10) to (29, 19), 0 elsewhere.
    private static func scene() throws -> (image: Image, labels: [UInt8]) {
        let labels = (0..<1200).map { i -> UInt8 in (10..<30).contains(i % 40) && (10..<20).contains(i / 40) ? 1 : 0 }
        return (try Image(width: 40, height: 30, channels: 3, pixels: Array(repeating: 100, count: 3600)), labels)
    }

    private static func pixel(_ image: Image, _ x: Int, _ y: Int) -> [UInt8] {
        Array(image.pixels[((y * image.width + x) * 3)..<((y * image.width + x) * 3 + 3)])
    }

    @Test("Each picture has a name, and other names are unknown")
    func names() {
        #expect(SegmentationPicture.all.map(\.description) == ["overlay", "side-by-side", "contour"])
        for picture in SegmentationPicture.all { #expect(SegmentationPicture(name: "\(picture)") == picture) }
        #expect(SegmentationPicture(name: "Overlay") == nil)
        #expect(SegmentationPicture(name: "") == nil)
    }

    @Test("Contours colour the inner edge of each region, fade out, and leave the rest unchanged")
    func contours() throws {
        let (image, labels) = try Self.scene()
        let drawn = try image.contours(labels: labels, palette: Palette(Self.colors), width: 2)
        #expect(Self.pixel(drawn, 10, 14) == [250, 0, 0])
        #expect(Self.pixel(drawn, 11, 14) == [250, 0, 0])
        #expect(Self.pixel(drawn, 12, 14)[0] > 100 && Self.pixel(drawn, 12, 14)[0] < 250)
        #expect(Self.pixel(drawn, 14, 14) == [100, 100, 100])
        #expect(Self.pixel(drawn, 9, 14) == [0, 0, 0])
        #expect(Self.pixel(drawn, 0, 0) == [100, 100, 100], "the edge of the image is not the edge of a region")
        let omitted = try image.contours(labels: labels, palette: Palette(Self.colors), width: 2, omitting: [0])
        #expect(Self.pixel(omitted, 9, 14) == [100, 100, 100])
        #expect(Self.pixel(omitted, 10, 14) == [250, 0, 0])
    }

    @Test("An image of one label has no contours, whatever its size")
    func noContours() throws {
        for (width, height) in [(1, 1), (1, 300), (7, 1), (200, 150)] {
            let pixels = (0..<(width * height * 3)).map { UInt8(truncatingIfNeeded: $0) }
            let image = try Image(width: width, height: height, channels: 3, pixels: pixels)
            let labels = [UInt8](repeating: 2, count: width * height)
            #expect(try image.contours(labels: labels, palette: Palette(Self.colors), width: 64) == image)
        }
    }

    @Test("The distances of contours are within a twelfth of the exact distance to the nearest other label")
    func distances() throws {
        var random = SeededGenerator(seed: 11)
        let (width, height, line) = (31, 23, 5)
        let labels = (0..<(width * height)).map { _ in UInt8.random(in: 0..<100, using: &random) == 0 ? UInt8(1) : 0 }
        let image = try Image(
            width: width,
            height: height,
            channels: 1,
            pixels: Array(repeating: 0, count: labels.count)
        )
        let white = try Palette([.white, .white])
        let drawn = try image.contours(labels: labels, palette: white, width: line).pixels
        for i in labels.indices {
            let squares = labels.indices.filter { labels[$0] != labels[i] }
                .map { (dx: $0 % width - i % width, dy: $0 / width - i / width) }.map { $0.dx * $0.dx + $0.dy * $0.dy }
            let nearest = Double(squares.min() ?? .max).squareRoot()
            if nearest * 1.08 <= Double(line) { #expect(drawn[3 * i] == 255) }
            if nearest * 0.92 >= Double(line) + 1.5 { #expect(drawn[3 * i] == 0) }
        }
    }

    @Test("A page shows the picture inside a margin, and names the classes that occur, most frequent first")
    func pages() throws {
        let (image, labels) = try Self.scene()
        for style in SegmentationPicture.all {
            let page = try style.drawn(of: image, labels: labels, classes: Self.classes)
            #expect(Self.pixel(page, 0, 0) == [255, 255, 255])
            let overlaid = style == .overlay
            #expect(Self.pixel(page, 16 + 2, 16 + 2) == (overlaid ? [45, 45, 45] : [100, 100, 100]), "\(style)")
            // Two lines: swatches of labels 0 and 1, in this order, on the left of the legend.
            let panels = style == .sideBySide ? 2 : 1
            let left = 16 + panels * (40 + 12) - 12 + 12
            #expect(Self.pixel(page, left + 10, 16 + 12 + 15) == [0, 0, 0], "\(style)")
            #expect(Self.pixel(page, left + 10, 16 + 12 + 45) == [250, 0, 0], "\(style)")
            #expect(page.height == 16 * 2 + (6 * 2 + 2 * 15) * 2)
        }
    }

    @Test("Classes that do not fit beside the picture are counted in the last line")
    func manyClasses() throws {
        let classes = (0..<20).map { LegendEntry(name: "class \($0)", color: Palette.distinct.colors[$0]) }
        let labels = (0..<400).map { UInt8($0 % 20) }
        let image = try Image(width: 20, height: 20, channels: 1, pixels: Array(repeating: 9, count: 400))
        let page = try SegmentationPicture.contour.drawn(of: image, labels: labels, classes: classes)
        #expect(page.height == 16 * 2 + (6 * 2 + 6 * 15) * 2)
    }

    @Test("Arguments that do not fit together are refused")
    func refused() throws {
        let (image, labels) = try Self.scene()
        let palette = try Palette(Self.colors)
        let wrong: [() throws -> Void] = [
            { _ = try image.contours(labels: [1], palette: palette) },
            { _ = try image.contours(labels: labels, palette: palette, width: 0) },
            { _ = try image.contours(labels: labels, palette: Palette([.black])) },
            { _ = try SegmentationPicture.overlay.drawn(of: image, labels: [], classes: Self.classes) },
            { _ = try SegmentationPicture.contour.drawn(of: image, labels: labels, classes: []) },
            { _ = try SegmentationPicture.sideBySide.drawn(of: image, labels: labels, classes: [Self.classes[0]]) },
        ]
        for body in wrong {
            let error = #expect(throws: ImageError.self) { try body() }
            #expect(error?.code == .invalidArgument)
        }
    }
}
