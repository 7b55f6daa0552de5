import SwerveModels
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

/// Models of one operator whose input and output have the dimensions that a test needs.
@Suite("Agreement of a model with its configuration")
struct SegFormerAgreementTests {
    private func open(
        _ dimensions: [String],
        _ type: ElementType = .float32,
        labels: Int = 3,
        size: SegFormerConfiguration.InputSize? = .init(width: 8, height: 4)
    ) throws -> SegFormerModel {
        let session = try ONNXSession(
            .bytes(IdentityModel.bytes(type, dimensions: dimensions)),
            runtime: Golden.runtime()
        )
        let configuration = try SegFormerConfiguration(labels: (0..<labels).map { "class \($0)" }, inputSize: size)
        return try SegFormerModel(session: session, configuration: configuration)
    }

    @Test("Dynamic dimensions agree with everything, fixed ones only with the same number")
    func agrees() throws {
        #expect(throws: Never.self) { try open(["n", "c", "h", "w"]) }
        #expect(throws: Never.self) { try open(["1", "3", "4", "8"]) }
        #expect(throws: Never.self) { try open(["1", "3", "4", "8"], size: nil) }
        #expect(throws: Never.self) { try open(["n", "3", "h", "w"], .float16) }
    }

    @Test("An error for a contradiction to the configuration names both sides")
    func contradictions() {
        let cases: [(ElementType, [String], Int, String)] = [
            (.float32, ["n", "3", "4", "9"], 3, "only takes this size; preprocessor_config.json asks for 8 x 4"),
            (.float32, ["n", "3", "5", "8"], 3, "only takes this size; preprocessor_config.json asks for 8 x 4"),
            (.float32, ["2", "3", "4", "8"], 3, "it only takes batches"),
            (.float32, ["n", "4", "4", "8"], 3, "must be the 3 colours"),
            (.float32, ["n", "3", "4", "8"], 150, "the model has 3 classes, but config.json names 150"),
            (.float32, ["n", "3"], 3, "float32 or float16 with 4 dimensions, not x: float32 [n, 3]"),
            (.uint8, ["n", "3", "h", "w"], 3, "float32 or float16 with 4 dimensions, not x: uint8"),
        ]
        for (type, dimensions, labels, words) in cases {
            let error = #expect(throws: ONNXError.self) { try open(dimensions, type, labels: labels) }
            #expect(error?.code == .invalidModel)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test("A picture that is not resized must have the size that the model takes")
    func unresized() async throws {
        let model = try open(["1", "3", "4", "8"], size: nil)
        func picture(_ width: Int, _ height: Int) throws -> Image {
            try Image(width: width, height: height, channels: 1, pixels: [UInt8](repeating: 7, count: width * height))
        }
        let map = try await model.segment(picture(8, 4))
        #expect(map.width == 8 && map.height == 4)
        let error = await #expect(throws: ONNXError.self) { try await model.segment(picture(9, 4)) }
        #expect(error?.code == .invalidInput)
        #expect(error?.message.contains("[1, 3, 4, 9]") == true)
    }

    @Test("16-bit numbers give the same map as 32-bit numbers where they are exact")
    func halves() async throws {
        let pixels = (0..<(8 * 4 * 3)).map { UInt8($0 * 37 % 251) }
        let image = try Image(width: 8, height: 4, channels: 3, pixels: pixels)
        let maps = try await [
            open(["n", "3", "h", "w"]).segment(image), open(["n", "3", "h", "w"], .float16).segment(image),
        ]
        #expect(maps[0] == maps[1])
        #expect(Set(maps[0].labels) == [0, 1, 2])
    }
}
