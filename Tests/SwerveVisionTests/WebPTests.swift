import NIOCore
import SwerveVision
import TestSupport
import Testing

/// A file of `dev/golden_webp.py`. Pillow refuses those without a size.
private struct WebPFile: Decodable {
    var name: String
    var size: [Int]?
    var upright: [Int]?

    func file() throws -> ByteBuffer { try Golden.bytes("webp/\(name)") }
}

/// A change of a file, and the checksum of the RGBA pixels that Pillow makes of the result.
private struct Damage: Decodable {
    var name: String
    var changes: [[Int]]
    var end: Int
    var checksum: UInt32?
}

@Suite("WebP")
struct WebPTests {
    @Test("Every kind of WebP file decodes to the same bytes as in Pillow, or is refused as Pillow refuses it")
    func kinds() throws {
        let files = try Golden.json("webp/webp.json", as: [WebPFile].self)
        #expect(files.count == 236)
        let formats: [Image.PixelFormat] = [.grayscale, .rgb, .rgba]
        for entry in files {
            let file = try entry.file()
            guard let size = entry.size, let upright = entry.upright else {
                let error = #expect(throws: ImageError.self, "\(entry.name)") { try Image.decode(file) }
                #expect(error?.code == .corrupt, "\(entry.name): \(error?.message ?? "")")
                continue
            }
            var bytes = try Golden.bytes("webp/\(entry.name).bin")
            for format in formats {
                let expected = try bytes.readImage(size, format)
                #expect(difference(try Image.decode(file, as: format), expected) == nil, "\(entry.name) as \(format)")
            }
            let expected = try bytes.readImage(upright, .rgb)
            #expect(difference(try Image.decode(file, isUpright: true), expected) == nil, "\(entry.name) upright")
        }
    }

    @Test("Fifteen hundred damaged files decode to Pillow's bytes, or are refused as Pillow refuses them")
    func damaged() throws {
        let damages = try Golden.json("webp/damaged.json", as: [Damage].self)
        #expect(damages.count == 1500)
        var files: [String: [UInt8]] = [:]
        let limits = ImageLimits(maximumWidth: 100_000, maximumHeight: 100_000, maximumPixels: 1_000_000)
        for (number, damage) in damages.enumerated() {
            var file = try files[damage.name] ?? Array(Golden.bytes("webp/\(damage.name)").readableBytesView)
            files[damage.name] = file
            for change in damage.changes { file[change[0]] = UInt8(change[1]) }
            let image = try? Image.decode(file[..<damage.end], as: .rgba, limits: limits)
            #expect(image.map { crc32($0.pixels) } == damage.checksum, "damage \(number) of \(damage.name)")
        }
    }

    @Test("A truncated file is refused, wherever it is cut off", arguments: ["alpha-15x17", "animated-15x17"])
    func truncated(name: String) throws {
        let file = Array(try Golden.bytes("webp/\(name).webp").readableBytesView)
        for length in 12..<file.count {
            let error = #expect(throws: ImageError.self) { try Image.decode(file[..<length]) }
            #expect(error?.code == .corrupt, "\(length) bytes")
        }
    }

    @Test("Each limit is enforced, on the canvas of an animation too")
    func limits() throws {
        for name in ["lossy-97x61", "animated-alpha-97x61", "lossless-97x61"] {
            let file = try Golden.bytes("webp/\(name).webp")
            let exact = ImageLimits(maximumWidth: 97, maximumHeight: 61, maximumPixels: 97 * 61)
            #expect(try Image.decode(file, limits: exact).width == 97)
            for limits in [
                ImageLimits(maximumWidth: 96), ImageLimits(maximumHeight: 60), ImageLimits(maximumPixels: 97 * 61 - 1),
                ImageLimits(maximumFileBytes: file.readableBytes - 1),
            ] {
                let error = #expect(throws: ImageError.self) { try Image.decode(file, limits: limits) }
                #expect(error?.code == .tooLarge)
            }
        }
    }

    @Test("A small file that claims 65535 x 60000 pixels is refused from its header")
    func hugeCanvas() throws {
        var file = Array(try Golden.bytes("webp/animated-15x17.webp").readableBytesView)
        file.replaceSubrange(24..<30, with: [254, 255, 0, 95, 234, 0])
        let error = #expect(throws: ImageError.self) { try Image.decode(file) }
        #expect(error?.code == .tooLarge)
        #expect(error?.message.contains("65535 x 60000") == true)
    }

    @Test("A lossless WebP file holds the same pixels, with any number of channels", arguments: [1, 3, 4])
    func lossless(channels: Int) throws {
        let image = try sample(channels: channels)
        let file = try image.webpLossless()
        let kept = try Image.decode(file, as: image.format)
        #expect(difference(kept, image) == nil)
    }

    @Test("A lossy WebP file is close to the image, keeps its opacity, and is larger for a higher quality")
    func lossy() throws {
        let image = try sample(channels: 4)
        let files = try [0, 30, 80, 100].map { try image.webp(quality: $0) }
        #expect(files.map(\.count) == files.map(\.count).sorted())
        let kept = try Image.decode(files[2], as: .rgba)
        for i in stride(from: 3, to: image.pixels.count, by: 4) { #expect(kept.pixels[i] == image.pixels[i]) }
        let sum = zip(kept.pixels, image.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(Double(sum) / Double(image.pixels.count) < 8)
    }

    @Test("A quality out of range and an image of more than 16,383 pixels a side are refused")
    func refusedEncoding() throws {
        let image = try sample(channels: 3)
        for quality in [-1, 101, Int.min, Int.max] {
            #expect(throws: ImageError.self) { try image.webp(quality: quality) }
        }
        let wide = try Image(width: 16_384, height: 1, channels: 1, pixels: Array(repeating: 0, count: 16_384))
        #expect(throws: ImageError.self) { try wide.webp() }
        #expect(throws: ImageError.self) { try wide.webpLossless() }
    }

    private func sample(channels: Int) throws -> Image {
        let (width, height) = (37, 23)
        let pixels = (0..<(width * height * channels)).map { i in
            let (pixel, channel) = (i / channels, i % channels)
            let value = pixel % width * 5 + pixel / width * 3 + channel * 40
            // Fully transparent pixels lose their colours.
            return UInt8(channel == 3 ? 1 + value % 255 : value % 256)
        }
        return try Image(width: width, height: height, channels: channels, pixels: pixels)
    }
}

extension ByteBuffer {
    /// Reads the pixels of the next image.
    mutating func readImage(_ size: [Int], _ format: Image.PixelFormat) throws -> Image {
        let pixels = readBytes(length: size[0] * size[1] * format.channels) ?? []
        return try Image(width: size[0], height: size[1], channels: format.channels, pixels: pixels)
    }
}

private func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
}
