import NIOCore
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

@Suite("Extreme arguments of pictures")
struct ExtremeArgumentsTests {
    private typealias Call = (inout ExtremeNumbers) throws -> [Image]

    private static let labels: [UInt8] = (0..<48).map { UInt8($0 % 3) }

    /// Calls of every public function that takes numbers, and the images that they return.
    private static func calls() throws -> [String: Call] {
        let image = try Image(width: 8, height: 6, channels: 3, pixels: (0..<144).map { UInt8($0 * 7 % 256) })
        // Equal pixels: what a factor multiplies is zero.
        let plain = try Image(width: 8, height: 6, channels: 4, pixels: Array(repeating: 90, count: 192))
        let gray = try Image(width: 8, height: 6, channels: 1, pixels: labels)
        let files = [try image.jpeg(), try image.png(), try image.webp(), Array(try image.npy().readableBytesView)]
        let filters: [ResizeFilter] = [.nearest, .box, .bilinear, .hamming, .bicubic, .lanczos]
        let entries = [LegendEntry(name: "wall", color: .black, detail: "9 %")]
        return [
            "Image.init(width:height:channels:pixels:)": {
                let pixels = [UInt8](repeating: 0, count: $0.below(20))
                return [try Image(width: $0.int(), height: $0.int(), channels: $0.int(), pixels: pixels)]
            },
            "Image.thresholded(_:)": { [image.thresholded($0.int())] },
            "Image.sharpened(factor:)": { numbers in
                let factor = numbers.double()
                return [try image.sharpened(factor: factor), try plain.sharpened(factor: factor)]
            },
            "Image.overlay(labels:palette:alpha:)": {
                [try image.overlay(labels: labels, palette: .distinct, alpha: $0.double())]
            },
            "Image.sideBySide(_:gap:background:)": { [try Image.sideBySide([image, plain], gap: $0.int())] },
            "Image.contours(labels:palette:width:omitting:)": {
                [try image.contours(labels: labels, palette: .distinct, width: $0.int())]
            },
            "Image.legend(_:scale:foreground:background:)": { [try Image.legend(entries, scale: $0.int())] },
            "Image.resized(width:height:filter:)": { numbers in
                let (width, height, filter) = (numbers.int(), numbers.int(), filters[numbers.below(filters.count)])
                return try [image, plain, gray].map { try $0.resized(width: width, height: height, filter: filter) }
            },
            "Image.jpeg(quality:)": { [try Image.decode(image.jpeg(quality: $0.int()))] },
            "Image.png(level:)": { [try Image.decode(image.png(level: $0.int()))] },
            "Image.png(palette:level:)": { [try Image.decode(gray.png(palette: .distinct, level: $0.int()))] },
            "Image.webp(quality:)": { [try Image.decode(plain.webp(quality: $0.int()))] },
            "PixelNormalization.init(scale:mean:deviation:)": {
                let numbers = PixelNormalization(scale: $0.double(), mean: $0.floats(), deviation: $0.floats())
                let tensor = try image.normalized(numbers)
                #expect(tensor.shape == [1, 3, 6, 8])
                return []
            },
            "ImageLimits.init(maximumWidth:maximumHeight:maximumPixels:maximumScans:maximumFileBytes:)": { numbers in
                let limits = ImageLimits(
                    maximumWidth: numbers.int(),
                    maximumHeight: numbers.int(),
                    maximumPixels: numbers.int(),
                    maximumScans: numbers.int(),
                    maximumFileBytes: numbers.int()
                )
                let file = ByteBuffer(bytes: files[numbers.below(files.count)])
                return [
                    try Image.isNPY(file) ? Image(npy: file, limits: limits) : Image.decode(file, limits: limits)
                ]
            },
        ]
    }

    @Test("The calls below are of all public functions that take numbers")
    func complete() throws {
        let functions = try PublicFunctions.takingNumbers(in: "SwerveVision")
        #expect(try functions.symmetricDifference(Self.calls().keys) == [])
    }

    @Test("No number ends the process: the result is an image or a typed error")
    func calls() throws {
        for (name, call) in try Self.calls().sorted(by: { $0.key < $1.key }) {
            for seed in 0..<200 {
                var numbers = ExtremeNumbers(seed: seed)
                do {
                    for image in try call(&numbers) {
                        let count = image.width * image.height * image.channels
                        #expect(image.pixels.count == count && count > 0, "\(name), seed \(seed)")
                    }
                } catch {
                    let code = (error as? ImageError)?.code
                    #expect([.invalidArgument, .tooLarge].contains(code), "\(name), seed \(seed): \(error)")
                }
            }
        }
    }

    @Test(
        "A factor beyond 32-bit floats sharpens like the largest of them",
        arguments: [1e39, -1e39, .greatestFiniteMagnitude]
    )
    func largeFactor(factor: Double) throws {
        let image = try Image(width: 3, height: 3, channels: 1, pixels: [9, 9, 9, 9, 80, 9, 9, 9, 9])
        let most = Double(Float.greatestFiniteMagnitude)
        #expect(try image.sharpened(factor: factor) == image.sharpened(factor: factor < 0 ? -most : most))
        let plain = try Image(width: 3, height: 3, channels: 1, pixels: Array(repeating: 9, count: 9))
        #expect(try plain.sharpened(factor: factor) == plain)
    }
}
