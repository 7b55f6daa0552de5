import NIOCore
import SwerveVision
import TestSupport
import Testing

/// An AVIF or HEIC file of `dev/golden_webp.py` and the size of its upright picture.
private struct HEIFFile: Decodable {
    var name: String
    var width: Int
    var height: Int

    func file() throws -> ByteBuffer { try Golden.bytes("webp/\(name)") }

    /// How much channels may differ on average and at most. Pillow reads AVIF by another library, and pillow-heif brings
    /// another version of ours: they round differently, and Pillow smooths colours that are stored at half the size.
    var tolerance: (mean: Double, most: Int) { name.hasPrefix("420") && name.hasSuffix(".avif") ? (3, 48) : (0.5, 2) }
}

@Suite("AVIF and HEIC")
struct HEIFTests {
    @Test("AVIF and HEIC files decode to Pillow's and pillow-heif's upright pixels within the tolerance")
    func kinds() throws {
        let files = try Golden.json("webp/heif.json", as: [HEIFFile].self)
        #expect(files.count == 52)
        for entry in files {
            var bytes = try Golden.bytes("webp/\(entry.name).bin")
            let expected = try bytes.readImage([entry.width, entry.height], .rgba)
            let image = try Image.decode(entry.file(), as: .rgba)
            try #require(image.width == entry.width && image.height == entry.height, "\(entry.name): \(image)")
            let differences = zip(image.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
            let mean = Double(differences.reduce(0, +)) / Double(differences.count)
            let most = differences.max() ?? 0
            #expect(mean <= entry.tolerance.mean && most <= entry.tolerance.most, "\(entry.name): \(mean), \(most)")
            let plain = try Image.decode(entry.file(), as: .rgb, isUpright: true)
            #expect(difference(plain, image.converted(to: .rgb)) == nil, "\(entry.name)")
            #expect(difference(try Image.decode(entry.file(), as: .grayscale), image.grayscale()) == nil)
        }
    }

    @Test("Each limit is enforced", arguments: ["444-131x97.avif", "444-131x97.heic"])
    func limits(name: String) throws {
        let file = try Golden.bytes("webp/\(name)")
        let exact = ImageLimits(maximumWidth: 131, maximumHeight: 97, maximumPixels: 131 * 97)
        #expect(try Image.decode(file, limits: exact).width == 131)
        for limits in [
            ImageLimits(maximumWidth: 130), ImageLimits(maximumHeight: 96), ImageLimits(maximumPixels: 131 * 97 - 1),
            ImageLimits(maximumFileBytes: file.readableBytes - 1), ImageLimits(maximumPixels: 0),
        ] {
            let error = #expect(throws: ImageError.self) { try Image.decode(file, limits: limits) }
            #expect(error?.code == .tooLarge, "\(error?.message ?? "")")
        }
    }

    @Test(
        "A file whose coded picture is larger than it says is refused before it is decoded",
        arguments: ["avif", "heic"]
    )
    func codedSize(kind: String) throws {
        let file = try Golden.bytes("webp/claims-16x16.\(kind)")
        let error = #expect(throws: ImageError.self) { try Image.decode(file) }
        #expect(error == ImageError(.tooLarge, "HEIF: a coded picture is above the limit"))
    }

    @Test("A truncated file is refused, wherever it is cut off", arguments: ["444-16x16.avif", "444-16x16.heic"])
    func truncated(name: String) throws {
        let file = Array(try Golden.bytes("webp/\(name)").readableBytesView)
        for length in 12..<file.count {
            let error = #expect(throws: ImageError.self, "\(length) bytes") { try Image.decode(file[..<length]) }
            #expect([.corrupt, .unsupportedFormat].contains(error?.code), "\(length) bytes: \(error?.message ?? "")")
        }
    }
}
