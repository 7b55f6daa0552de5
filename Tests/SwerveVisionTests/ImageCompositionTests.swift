import Foundation
import NIOCore
import SwerveVision
import Testing

@Suite("Image composition and coding")
struct ImageCompositionTests {
    /// A sketch in characters, from `#` for black to `.` for white.
    private func sketch(_ image: Image, columns: Range<Int>, rows: Range<Int>) -> [String] {
        rows.map { y in
            String(columns.map { x in Array("#%+.")[Int(image.pixels[(y * image.width + x) * 3]) / 64] })
        }
    }

    @Test("A legend shows a swatch with round corners, the name and the grey detail of each entry")
    func legend() throws {
        let entries = [LegendEntry(name: "Ag", color: RGBColor(red: 9, green: 8, blue: 7), detail: "1")]
        let legend = try Image.legend(entries, scale: 1)
        #expect(legend.height == 6 * 2 + 15)
        let middle = (13 * legend.width + 11) * 3
        #expect(legend.pixels[middle..<middle + 3] == [9, 8, 7])
        let corner = sketch(legend, columns: 6..<10, rows: 8..<11)
        #expect(corner == [".%##", "%###", "####"])
        let text = sketch(legend, columns: 20..<legend.width, rows: 9..<20)
        #expect(
            text == [
                "..............................", ".+###+........................", ".#+.+#...............+........",
                ".#...#..%###+.................", ".#####.+%..++.................", ".#...#.+%..++.................",
                ".#...#..%###+.................", ".#...#.....%+........++.......", "........+##%..................",
                "..............................", "..............................",
            ]
        )
    }

    @Test("Long names are truncated, and characters without a glyph are shown as question marks")
    func legendNames() throws {
        func legend(_ name: String) throws -> Image {
            try Image.legend([LegendEntry(name: name, color: .black)], scale: 1)
        }
        #expect(try legend("żółw") == legend("???w"))
        #expect(try legend(String(repeating: "x", count: 500)) == legend(String(repeating: "x", count: 40)))
    }

    @Test("Images side by side keep their pixels, with background in the gaps and below")
    func sideBySide() throws {
        let red = try Image(width: 1, height: 2, channels: 3, pixels: [255, 0, 0, 255, 0, 0])
        let gray = try Image(width: 2, height: 1, channels: 1, pixels: [7, 8])
        let both = try Image.sideBySide([red, gray], gap: 1, background: RGBColor(red: 1, green: 2, blue: 3))
        #expect(both.width == 4)
        #expect(both.height == 2)
        #expect(both.pixels == [255, 0, 0, 1, 2, 3, 7, 7, 7, 8, 8, 8, 255, 0, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3])
    }

    @Test("The distinct palette has the 256 different colours of Pascal VOC")
    func distinctPalette() {
        #expect(Set(Palette.distinct.colors).count == 256)
        #expect(Palette.distinct.colors[0] == .black)
        #expect(Palette.distinct.colors[1] == RGBColor(red: 128, green: 0, blue: 0))
        #expect(Palette.distinct.colors[15] == RGBColor(red: 192, green: 128, blue: 128))
        #expect(Palette.distinct.colors[255] == RGBColor(red: 224, green: 224, blue: 192))
    }

    @Test("An image survives JSON, and one whose parts do not fit together is refused")
    func codable() throws {
        let image = try Image(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
        let data = try JSONEncoder().encode(image)
        #expect(try JSONDecoder().decode(Image.self, from: data) == image)
        for json in [
            #"{"width":2,"height":1,"channels":3,"pixels":"AQID"}"#,
            #"{"width":9223372036854775807,"height":9223372036854775807,"channels":3,"pixels":""}"#,
            #"{"width":-1,"height":-1,"channels":1,"pixels":"AQ=="}"#,
        ] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(Image.self, from: Data(json.utf8)) }
        }
    }

    @Test("Converting adds and drops channels as Pillow does")
    func converts() throws {
        let rgba = try Image(width: 1, height: 1, channels: 4, pixels: [10, 20, 30, 40])
        #expect(rgba.converted(to: .rgb).pixels == [10, 20, 30])
        #expect(rgba.converted(to: .rgb).converted(to: .rgba).pixels == [10, 20, 30, 255])
        #expect(rgba.grayscale().pixels == [18])
        #expect(rgba.grayscale().converted(to: .rgba).pixels == [18, 18, 18, 255])
    }
}
