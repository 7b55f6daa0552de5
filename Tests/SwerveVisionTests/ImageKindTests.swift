import NIOCore
import SwerveVision
import TestSupport
import Testing

/// A file of `dev/golden_images.py`, its final size and the pixels that Pillow makes of it.
private struct Kind: Decodable {
    var name: String
    var width: Int
    var height: Int

    func file() throws -> ByteBuffer { try Golden.bytes("kinds/\(name)") }

    /// The depth, 2 or 4 bits, of a grey file with a transparent level; nil for other files.
    private var keyedDepth: Int? {
        name.hasPrefix("gray-2-key") ? 2 : name.hasPrefix("gray-4-key") ? 4 : nil
    }

    /// Pillow compares the transparent level, 1 in these files, with levels that are already scaled to 8 bits, and so
    /// misses it. The PNG specification compares the levels in the file.
    func corrected(_ image: Image) throws -> Image {
        guard let keyedDepth else { return image }
        let key = UInt8(255 / ((1 << keyedDepth) - 1))
        var pixels = image.pixels
        for i in stride(from: 0, to: pixels.count, by: 4) { pixels[i + 3] = pixels[i] == key ? 0 : 255 }
        return try Image(width: image.width, height: image.height, channels: 4, pixels: pixels)
    }

    /// The images stored one after another in the file's companion.
    func expected(_ formats: [Image.PixelFormat], sizes: [(Int, Int)]) throws -> [Image] {
        var bytes = try Golden.bytes("kinds/\(name).bin")
        let images = try zip(formats, sizes).map { format, size in
            let count = size.0 * size.1 * format.channels
            let pixels = bytes.readBytes(length: count) ?? []
            return try Image(width: size.0, height: size.1, channels: format.channels, pixels: pixels)
        }
        #expect(bytes.readableBytes == 0)
        return images
    }
}

@Suite("Kinds of image files")
struct ImageKindTests {
    @Test(
        "Every colour type, depth, subsampling and coding, in ten sizes, decodes to the same bytes as in Pillow",
        arguments: [(".jpg", 140), (".png", 480)]
    )
    func kinds(ending: String, count: Int) throws {
        let kinds = try Golden.json("kinds/manifest.json", as: [Kind].self).filter { $0.name.hasSuffix(ending) }
        #expect(kinds.count == count)
        let formats: [Image.PixelFormat] = [.grayscale, .rgb, .rgba]
        for kind in kinds {
            let file = try kind.file()
            let expected = try kind.expected(formats, sizes: Array(repeating: (kind.width, kind.height), count: 3))
            for (format, expected) in zip(formats, expected) {
                let expected = try format == .rgba ? kind.corrected(expected) : expected
                #expect(difference(try Image.decode(file, as: format), expected) == nil, "\(kind.name) as \(format)")
            }
        }
    }

    @Test("Metadata turns a picture as Pillow's exif_transpose does, and only on request")
    func orientations() throws {
        let kinds = try Golden.json("kinds/oriented.json", as: [Kind].self)
        #expect(kinds.count == 72)
        for kind in kinds {
            let file = try kind.file()
            let stored = try Image.decode(file)
            let sizes = [(stored.width, stored.height), (kind.width, kind.height)]
            let expected = try kind.expected([.rgb, .rgb], sizes: sizes)
            #expect(difference(stored, expected[0]) == nil, "\(kind.name) as stored")
            #expect(difference(try Image.decode(file, isUpright: true), expected[1]) == nil, "\(kind.name) upright")
        }
    }

    @Test("Turning upright works with any number of channels, and eight orientations give eight pictures")
    func upright() throws {
        let image = try Image(width: 3, height: 2, channels: 1, pixels: [1, 2, 3, 4, 5, 6])
        let expected: [ImageOrientation: [UInt8]] = [
            .up: [1, 2, 3, 4, 5, 6], .upMirrored: [3, 2, 1, 6, 5, 4], .down: [6, 5, 4, 3, 2, 1],
            .downMirrored: [4, 5, 6, 1, 2, 3], .leftMirrored: [1, 4, 2, 5, 3, 6], .right: [4, 1, 5, 2, 6, 3],
            .rightMirrored: [6, 3, 5, 2, 4, 1], .left: [3, 6, 2, 5, 1, 4],
        ]
        for orientation in ImageOrientation.allCases {
            let turned = image.upright(from: orientation)
            #expect(turned.pixels == expected[orientation])
            #expect(turned.width == (orientation.swapsSides ? 2 : 3))
            #expect(image.converted(to: .rgba).upright(from: orientation) == turned.converted(to: .rgba))
            #expect(image.converted(to: .rgb).upright(from: orientation) == turned.converted(to: .rgb))
        }
    }

    @Test("Metadata truncated anywhere turns the picture as the whole does or not at all, and never fails")
    func damagedMetadata() throws {
        for name in ["little-6.jpg", "xmp-6.jpg", "exif-6.png", "xmp-6.png"] {
            let file = Array(try Golden.bytes("kinds/\(name)").readableBytesView)
            #expect(ImageOrientation(file: file) == .right)
            for length in 0..<file.count {
                #expect([.up, .right].contains(ImageOrientation(file: file[..<length])), "\(length) bytes of \(name)")
            }
        }
    }

    @Test("Files of other formats from real encoders are refused by name, with the accepted formats")
    func refused() throws {
        let names = try Golden.json("kinds/refused.json", as: [String].self)
        #expect(names.count == 12)
        let said = [
            "JPEG2000": "a JPEG 2000", "PPM": "a PNM", "ICO": "an icon (ICO)", "gzip": "a gzip",
        ]
        for name in names {
            let error = #expect(throws: ImageError.self) { try Image.decode(Golden.bytes("kinds/\(name)")) }
            #expect(error?.code == .unsupportedFormat)
            let kind = String(name.prefix { $0 != "." && $0 != "-" })
            let message = error?.message ?? ""
            #expect(message.hasPrefix(said[kind] ?? "a \(kind)"), "\(name): \(message)")
            #expect(message.hasSuffix("; JPEG, PNG, WebP, AVIF and HEIC are accepted"))
        }
    }

    @Test("Unsupported kinds of JPEG are refused by name")
    func refusedJPEG() throws {
        var file = Array(try Golden.bytes("kinds/444-8x8.jpg").readableBytesView)
        let frame = try #require(file.indices.first { file[$0...].starts(with: [0xFF, 0xC0]) })
        file[frame + 4] = 12
        var error = #expect(throws: ImageError.self) { try Image.decode(file) }
        let accepted = "JPEG, PNG, WebP, AVIF and HEIC are accepted"
        #expect(error == ImageError(.unsupportedFormat, "a JPEG file of 12 bits per channel; \(accepted)"))
        file[frame + 4] = 8
        file[frame + 1] = 0xC3
        error = #expect(throws: ImageError.self) { try Image.decode(file) }
        #expect(error == ImageError(.unsupportedFormat, "a lossless or hierarchical JPEG file; \(accepted)"))
    }

    @Test("A picture survives as an array, and arrays that are not a picture are refused")
    func arrays() throws {
        for channels in [1, 3, 4] {
            let pixels = (0..<(6 * channels)).map(UInt8.init)
            let image = try Image(width: 3, height: 2, channels: channels, pixels: pixels)
            #expect(try Image(npy: image.npy()) == image)
        }
        let codes: [(String, ImageError.Code)] = [
            ("f4-little-C", .invalidArgument), ("i1-little-C", .invalidArgument), ("vector", .invalidArgument),
            ("refused-object", .corrupt), ("large-dimension", .tooLarge), ("empty", .invalidArgument),
        ]
        for (name, code) in codes {
            let error = #expect(throws: ImageError.self) { try Image(npy: Golden.bytes("npy/\(name).npy")) }
            #expect(error?.code == code, "\(name): \(error?.message ?? "")")
        }
    }

    @Test("The limits of pictures apply to arrays")
    func arrayLimits() throws {
        let file = try Image(width: 30, height: 20, channels: 1, pixels: Array(repeating: 0, count: 600)).npy()
        #expect(try Image(npy: file, limits: ImageLimits(maximumWidth: 30, maximumHeight: 20)).width == 30)
        for limits in [
            ImageLimits(maximumWidth: 29), ImageLimits(maximumHeight: 19), ImageLimits(maximumPixels: 599),
            ImageLimits(maximumFileBytes: file.readableBytes - 1), ImageLimits(maximumFileBytes: -1),
        ] {
            let error = #expect(throws: ImageError.self) { try Image(npy: file, limits: limits) }
            #expect(error?.code == .tooLarge)
        }
    }
}
