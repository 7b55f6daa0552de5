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

    @Test("An error names the kind of a file whose major brand is that of both", arguments: ["avif", "heic"])
    func brands(kind: String) throws {
        var file = Array(try Golden.bytes("webp/444-16x16.\(kind)").readableBytesView)
        file.replaceSubrange(8..<12, with: Array("mif1".utf8))
        #expect(try Image.decode(file).width == 16)
        // The coded picture is gone.
        let cut = file.prefix(file.count - 20)
        #expect(Self.refusal(of: Array(cut))?.message.contains(kind.uppercased()) == true)
    }

    // MARK: Files that would have the decoder do more than what is checked

    private static func refusal(of file: [UInt8]) -> ImageError? {
        #expect(throws: ImageError.self) { try Image.decode(file) }
    }

    @Test("A second box with the parts of the file, of which the decoder would use another one, is refused")
    func secondBox() throws {
        let file = Array(try Golden.bytes("webp/444-16x16.avif").readableBytesView)
        let meta = try #require(Box("meta", in: file))
        #expect(Self.refusal(of: file + file[meta.range])?.message == "HEIF: a box that may come once comes twice")
    }

    @Test("An overlay, which may consist of any number of pictures, is refused")
    func overlay() throws {
        var file = Array(try Golden.bytes("webp/444-16x16.avif").readableBytesView)
        let entry = try #require(Box("infe", in: file))
        let kind = try #require(file[entry.range].firstRange(of: Array("av01".utf8)))
        file.replaceSubrange(kind, with: Array("iovl".utf8))
        #expect(Self.refusal(of: file)?.code == .unsupportedFormat)
    }

    @Test("Parts are counted as often as they are named", arguments: [1, 4096, 4097])
    func parts(count: Int) throws {
        let file = Array(try Golden.bytes("webp/444-131x97.avif").readableBytesView)
        let item = [UInt8](Box.number(1, bytes: 2))
        let names = Array(repeatElement(item, count: count).joined())
        let list = Box.made("dimg", Box.number(2, bytes: 2) + Box.number(count, bytes: 2) + names)
        let bombed = try Box.inserting(Box.made("iref", Box.number(0, bytes: 4) + list), intoMetaOf: file)
        // The limits allow four times the largest picture for all parts together.
        let limits = ImageLimits(maximumWidth: 256, maximumHeight: 256, maximumPixels: 1 << 16)
        if count == 1 {
            #expect(try Image.decode(bombed, limits: limits).width == 131)
        } else {
            let error = #expect(throws: ImageError.self) { try Image.decode(bombed, limits: limits) }
            #expect(error?.code == .tooLarge)
            #expect(error?.message.contains("parts of") == true)
        }
    }
}

/// A box of an HEIF file.
private struct Box {
    let range: Range<Int>

    /// The first one of that name.
    init?(_ name: String, in file: [UInt8]) {
        guard let found = file.firstRange(of: Array(name.utf8)), found.lowerBound >= 4 else { return nil }
        let start = found.lowerBound - 4
        range = start..<(start + Self.number(file[start..<(start + 4)]))
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
    static func number(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * (bytes - 1 - $0))) }
    }
    static func made(_ name: String, _ content: [UInt8]) -> [UInt8] {
        number(content.count + 8, bytes: 4) + Array(name.utf8) + content
    }

    /// The file with a box at the end of its box `meta`, and with the places of its one picture moved.
    static func inserting(_ box: [UInt8], intoMetaOf file: [UInt8]) throws -> [UInt8] {
        var file = file
        let meta = try #require(Box("meta", in: file)).range
        let places = try #require(Box("iloc", in: file)).range.lowerBound
        // Version 0, four bytes for each number, one item with one extent.
        #expect(file[(places + 8)..<(places + 16)] == [0, 0, 0, 0, 0x44, 0, 0, 1])
        let offset = (places + 22)..<(places + 26)
        file.replaceSubrange(offset, with: number(number(file[offset]) + box.count, bytes: 4))
        file.replaceSubrange(meta.lowerBound..<(meta.lowerBound + 4), with: number(meta.count + box.count, bytes: 4))
        file.insert(contentsOf: box, at: meta.upperBound)
        return file
    }
}
