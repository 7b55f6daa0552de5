import NIOCore
import SwerveVision
import TestSupport
import Testing

/// Describes how two images differ; nil when they are equal.
func difference(_ image: Image, _ expected: Image) -> String? {
    guard image.width == expected.width, image.height == expected.height, image.channels == expected.channels else {
        return "\(image) instead of \(expected)"
    }
    guard image.pixels != expected.pixels else { return nil }
    let differing = zip(image.pixels, expected.pixels).filter { $0 != $1 }
    let largest = differing.map { abs(Int($0) - Int($1)) }.max() ?? 0
    return "\(differing.count) of \(image.pixels.count) bytes differ, by \(largest) at most"
}

@Suite("Image decoding")
struct ImageDecodingTests {
    private static let modes: [(name: String, format: Image.PixelFormat)] = [
        ("L", .grayscale), ("RGB", .rgb), ("RGBA", .rgba),
    ]

    @Test("Every kind of JPEG and PNG decodes to the same bytes as in Pillow, in every mode")
    func decodesAsPillow() throws {
        let names = try Golden.json("images/manifest.json", as: [String].self)
        #expect(names.count > 20)
        for name in names {
            for mode in ImageDecodingTests.modes where name != "hd.jpg" || mode.name == "RGB" {
                let image = try Image.decode(Golden.bytes("images/\(name)"), as: mode.format)
                let expected = try Golden.image("images/\(name).\(mode.name).npy")
                #expect(difference(image, expected) == nil, "\(name) as \(mode.name)")
            }
        }
    }

    @Test("Any collection of bytes can be decoded, contiguous or not")
    func decodesCollections() throws {
        let file = try Golden.bytes("images/3x2.png")
        let expected = try Image.decode(file)
        let array = Array(file.readableBytesView)
        #expect(try Image.decode(array) == expected)
        #expect(try Image.decode(array[...]) == expected)
        #expect(try Image.decode(array.lazy.map { $0 }) == expected)
    }

    @Test(
        "Other formats are refused by name, with the accepted formats",
        arguments: [
            ("GIF89a", "a GIF file"), ("BM______", "a BMP file"), ("RIFF____WAVE", "not an image of a known format"),
            ("II*\0____", "a TIFF file"), ("____ftypjxs ", "a video or an image of the MPEG-4 family"),
            ("____ftypmp42", "a video or an image of the MPEG-4 family"), ("%PDF-1.7", "a PDF file"),
            ("hello", "not an image of a known format"), ("", "there are no bytes"),
        ]
    )
    func unsupportedFormats(bytes: String, name: String) {
        let error = #expect(throws: ImageError.self) { try Image.decode(Array(bytes.utf8)) }
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.message == "\(name); JPEG, PNG, WebP, AVIF and HEIC are accepted")
    }

    @Test("A Python pickle is refused by name, whatever its protocol", arguments: 2...5)
    func pickles(protocol number: Int) {
        let error = #expect(throws: ImageError.self) { try Image.decode([0x80, UInt8(number), 0x95, 0x2E]) }
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.message.hasPrefix("a Python pickle, which is never read") == true)
    }

    /// A file, and how many of its bytes Pillow needs: all of a JPEG, but not a PNG's last checksums and end marker.
    private struct Cut: Decodable {
        var name: String
        var shortest: Int
    }

    @Test("A file that is cut off is refused, wherever that is, unless all rows are left")
    func truncatedEverywhere() throws {
        let cuts = try Golden.json("images/cuts.json", as: [Cut].self)
        #expect(cuts.count == 3)
        for cut in cuts {
            let file = Array(try Golden.bytes("images/\(cut.name)").readableBytesView)
            let whole = try Image.decode(file)
            for length in 8..<file.count {
                if length >= cut.shortest {
                    #expect(try Image.decode(file[..<length]) == whole, "\(length) bytes of \(cut.name)")
                } else {
                    let error = #expect(throws: ImageError.self) { try Image.decode(file[..<length]) }
                    #expect(error?.code == .corrupt, "\(length) bytes of \(cut.name)")
                }
            }
        }
    }

    @Test(
        "Large truncated files are refused",
        arguments: ["hd.jpg", "progressive.jpg", "restart.jpg", "cmyk.jpg", "photo.png", "palette.png"],
        [0.1, 0.5, 0.9, 0.999]
    )
    func truncated(name: String, fraction: Double) throws {
        let file = Array(try Golden.bytes("images/\(name)").readableBytesView)
        let error = #expect(throws: ImageError.self) {
            try Image.decode(file[..<min(Int(Double(file.count) * fraction), file.count - 30)])
        }
        #expect(error?.code == .corrupt)
    }

    @Test("A small PNG that claims 60000 x 60000 pixels is refused from its header")
    func hugePNG() throws {
        var file = Array(try Golden.bytes("images/3x2.png").readableBytesView)
        file.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
        file.replaceSubrange(29..<33, with: crc32(file[12..<29]))
        let error = #expect(throws: ImageError.self) { try Image.decode(file) }
        #expect(error?.code == .tooLarge)
        #expect(error?.message.contains("60000 x 60000") == true)
    }

    @Test("A PNG with megabytes of compressed text decodes without the text; fuzzing checks the memory used")
    func textBomb() throws {
        let image = try Image.decode(Golden.bytes("kinds/text-bomb.png"))
        #expect(image.width == 8 && image.height == 8)
    }

    @Test("A small JPEG that claims 60000 x 60000 pixels is refused from its header")
    func hugeJPEG() throws {
        var file = Array(try Golden.bytes("images/17x13.jpg").readableBytesView)
        let frame = try #require(file.indices.first { file[$0...].starts(with: [0xFF, 0xC0]) })
        file.replaceSubrange((frame + 5)..<(frame + 9), with: [0xEA, 0x60, 0xEA, 0x60])
        let error = #expect(throws: ImageError.self) { try Image.decode(file) }
        #expect(error?.code == .tooLarge)
    }

    @Test("Each limit is enforced")
    func limits() throws {
        let file = try Golden.bytes("images/photo.png")
        #expect(try Image.decode(file, limits: ImageLimits(maximumPixels: 451 * 300)).width == 451)
        let limits = [
            ImageLimits(maximumWidth: 450), ImageLimits(maximumHeight: 299), ImageLimits(maximumPixels: 451 * 300 - 1),
            ImageLimits(maximumFileBytes: file.readableBytes - 1), ImageLimits(maximumWidth: -1),
        ]
        for limit in limits {
            let error = #expect(throws: ImageError.self) { try Image.decode(file, limits: limit) }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test("A progressive JPEG with more scans than the limit is refused")
    func scanLimit() throws {
        let file = try Golden.bytes("images/progressive.jpg")
        #expect(try Image.decode(file, limits: ImageLimits(maximumScans: 10)).width == 451)
        let error = #expect(throws: ImageError.self) { try Image.decode(file, limits: ImageLimits(maximumScans: 9)) }
        #expect(error?.code == .tooLarge)
    }

    @Test(
        "Two thousand damaged files are decoded or refused without harm",
        arguments: ["photo-422.jpg", "progressive.jpg", "rgb-interlaced.png", "palette-alpha.png", "17x13.jpg"]
    )
    func randomDamage(name: String) throws {
        let file = Array(try Golden.bytes("images/\(name)").readableBytesView)
        let limits = ImageLimits(maximumPixels: 1_000_000)
        var random = SeededGenerator(seed: 4)
        var refused = 0
        for round in 0..<400 {
            var damaged = file
            // Half of the rounds damage the headers, where a wrong byte has the most effect.
            let range = round % 2 == 0 ? 0..<min(700, file.count) : 0..<file.count
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                damaged[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let image = try Image.decode(damaged, as: [.rgb, .grayscale, .rgba][round % 3], limits: limits)
                #expect(image.pixels.count == image.width * image.height * image.channels)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 20)
    }
}

/// The checksum of a PNG chunk, highest byte first.
private func crc32(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: ~crc >> UInt32($0)) }
}
