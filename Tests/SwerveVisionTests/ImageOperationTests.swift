import NIOCore
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

/// One line of the manifest of golden operations.
private struct OperationCase: Decodable {
    var operation: String
    var input: String
    var output: String
    var width: Int?
    var height: Int?
    var filter: String?
    var factor: Double?
    var threshold: Int?
    var quality: Int?
    var alpha: Double?
}

@Suite("Image operations")
struct ImageOperationTests {
    private func compare(
        _ operation: String,
        atLeast count: Int,
        _ body: (Image, OperationCase) throws -> Image
    ) throws {
        let cases = try Golden.json("operations/manifest.json", as: [OperationCase].self)
            .filter { $0.operation == operation }
        #expect(cases.count >= count)
        for golden in cases {
            let result = try body(try Golden.image("operations/\(golden.input).npy"), golden)
            let expected = try Golden.image("operations/\(golden.output)")
            #expect(difference(result, expected) == nil, "\(golden)")
        }
    }

    @Test("Resizing equals Pillow's, for every filter, number of channels and direction")
    func resizes() throws {
        let filters: [String: ResizeFilter] = [
            "nearest": .nearest, "box": .box, "bilinear": .bilinear, "hamming": .hamming, "bicubic": .bicubic,
            "lanczos": .lanczos,
        ]
        try compare("resize", atLeast: 90) { image, golden in
            try image.resized(
                width: #require(golden.width),
                height: #require(golden.height),
                filter: #require(golden.filter.flatMap { filters[$0] })
            )
        }
    }

    @Test("Sharpening equals Pillow's, for factors below 0, from 0 to 1 and above 1")
    func sharpens() throws {
        try compare("sharpen", atLeast: 35) { try $0.sharpened(factor: #require($1.factor)) }
    }

    @Test("Grey equals Pillow's")
    func grays() throws {
        try compare("grayscale", atLeast: 5) { image, _ in image.grayscale() }
    }

    @Test("Thresholding equals Pillow's, at and beyond the ends of the range")
    func thresholds() throws {
        try compare("threshold", atLeast: 30) { try $0.thresholded(#require($1.threshold)) }
    }

    @Test("An overlay of colours equals Pillow's blend")
    func overlays() throws {
        let labels = try Tensor(npy: Golden.bytes("operations/labels.npy")).values(as: UInt8.self)
        let numbers = try Tensor(npy: Golden.bytes("operations/palette.npy")).values(as: UInt8.self)
        let colors = stride(from: 0, to: numbers.count, by: 3).map {
            RGBColor(red: numbers[$0], green: numbers[$0 + 1], blue: numbers[$0 + 2])
        }
        let palette = try Palette(colors)
        try compare("overlay", atLeast: 5) {
            try $0.overlay(labels: labels, palette: palette, alpha: #require($1.alpha))
        }
    }

    @Test("A JPEG is byte for byte the one that Pillow writes")
    func encodesJPEG() throws {
        let cases = try Golden.json("operations/manifest.json", as: [OperationCase].self)
            .filter { $0.operation == "jpeg" }
        #expect(cases.count >= 20)
        for golden in cases {
            let image = try Golden.image("operations/\(golden.input).npy")
            let file = try image.jpeg(quality: #require(golden.quality))
            let expected = try Golden.bytes("operations/\(golden.output)")
            #expect(file == Array(expected.readableBytesView), "\(golden)")
        }
    }

    @Test("A PNG keeps its pixels at every level", arguments: ["rgb", "gray", "rgba", "dot"])
    func encodesPNG(name: String) throws {
        let image = try Golden.image("operations/\(name).npy")
        for level in [0, 1, 6, 9] {
            #expect(try Image.decode(image.png(level: level), as: image.format) == image)
        }
    }

    @Test("A PNG with a palette shows the colours of its indices")
    func encodesPalettePNG() throws {
        let labels: [UInt8] = [0, 1, 2, 2, 1, 0]
        let image = try Image(width: 3, height: 2, channels: 1, pixels: labels)
        let palette = try Palette([.black, .white, RGBColor(red: 1, green: 2, blue: 3)])
        let decoded = try Image.decode(image.png(palette: palette))
        #expect(decoded.pixels == [0, 0, 0, 255, 255, 255, 1, 2, 3, 1, 2, 3, 255, 255, 255, 0, 0, 0])
        let error = #expect(throws: ImageError.self) { try image.png(palette: Palette([.black, .white])) }
        #expect(error?.code == .invalidArgument)
    }

    @Test("A tensor holds one plane per channel, scaled and normalised")
    func normalizes() throws {
        let image = try Image(width: 2, height: 1, channels: 3, pixels: [0, 51, 255, 102, 0, 0])
        let plain = try image.normalized(PixelNormalization())
        #expect(plain.shape == [1, 3, 1, 2])
        #expect(try plain.values(as: Float.self) == [0, 0.4, 0.2, 0, 1, 0])
        let normalized = try image.normalized(
            PixelNormalization(scale: 1, mean: [2, 1, 0], deviation: [2, 5, 0.5])
        )
        #expect(try normalized.values(as: Float.self) == [-1, 50, 10, -0.2, 510, 0])
    }

    @Test("Invalid arguments are refused with a typed error, and none of them crashes the process")
    func invalidArguments() throws {
        let image = try Golden.image("operations/rgb.npy")
        let rgba = try Golden.image("operations/rgba.npy")
        let attempts: [() throws -> Void] = [
            { _ = try Image(width: 0, height: 1, channels: 3, pixels: []) },
            { _ = try Image(width: 1, height: -1, channels: 3, pixels: []) },
            { _ = try Image(width: 1, height: 1, channels: 2, pixels: [0, 0]) },
            { _ = try Image(width: 2, height: 1, channels: 3, pixels: [0, 0, 0]) },
            { _ = try image.resized(width: 0, height: 5) },
            { _ = try image.sharpened(factor: .nan) },
            { _ = try image.jpeg(quality: 0) }, { _ = try image.jpeg(quality: 101) }, { _ = try rgba.jpeg() },
            { _ = try image.png(level: 10) }, { _ = try image.png(level: -1) },
            { _ = try image.png(palette: .distinct) },
            { _ = try image.overlay(labels: [1], palette: .distinct) },
            { _ = try image.normalized(PixelNormalization(mean: [1])) },
            { _ = try image.normalized(PixelNormalization(deviation: [1, 0, 1])) },
            { _ = try Palette([]) }, { _ = try Palette([RGBColor](repeating: .black, count: 257)) },
            { _ = try Image.legend([]) }, { _ = try Image.legend([.init(name: "", color: .black)], scale: 0) },
            { _ = try Image.sideBySide([]) }, { _ = try Image.sideBySide([image], gap: -1) },
        ]
        for (number, attempt) in attempts.enumerated() {
            let error = #expect(throws: ImageError.self, "attempt \(number)") { try attempt() }
            #expect(error?.code == .invalidArgument, "attempt \(number)")
        }
        let sizes = [(Int.max, 2), (1 << 20, 1 << 20), (Int.max, Int.max)]
        for (width, height) in sizes {
            let error = #expect(throws: ImageError.self) { try image.resized(width: width, height: height) }
            #expect(error?.code == .tooLarge)
        }
    }
}
