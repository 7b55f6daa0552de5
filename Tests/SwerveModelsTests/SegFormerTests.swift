import Foundation
import NIOCore
import SwerveModels
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

@Suite("SegFormer")
struct SegFormerTests {
    private func model(_ variant: String) async throws -> SegFormerModel {
        try await SegFormerModel.load(folder: Golden.modelFolder(variant), runtime: Golden.runtime())
    }

    /// How many pixels differ between two maps.
    private func differingPixels(_ map: SegmentationMap, _ expected: Tensor) throws -> Int {
        #expect(expected.shape == [map.height, map.width])
        return zip(map.labels, try expected.values(as: UInt8.self)).count { $0 != $1 }
    }

    private struct PreprocessingCase: Decodable {
        var name: String
        var picture: String
    }

    @Test("A model that was loaded knows what it is; one that was made from a session has no name")
    func details() async throws {
        let folder = try Golden.modelFolder("tiny")
        let runtime = try Golden.runtime()
        let loaded = try await SegFormerModel.load(folder: folder, runtime: runtime)
        #expect(loaded.details.model == folder)
        #expect(loaded.details.file == "model.onnx")
        #expect(loaded.details.labels.map(\.name) == loaded.configuration.labels)
        let made = try SegFormerModel(session: loaded.session, configuration: loaded.configuration)
        #expect(made.details.model == "" && made.details.file == "")
        #expect(made.details.labels == loaded.details.labels)
    }

    @Test("Every pixel value equals Hugging Face's, for all settings of the processor and many sizes")
    func preprocessing() throws {
        let cases = try Golden.json("preprocessing/manifest.json", as: [PreprocessingCase].self)
        #expect(cases.count > 40)
        for each in cases {
            let settings = Array(try Golden.bytes("preprocessing/\(each.name).json").readableBytesView)
            let configuration = try SegFormerConfiguration(
                config: Array(#"{"model_type": "segformer", "num_labels": 3}"#.utf8),
                preprocessor: settings
            )
            let image = try Golden.image("preprocessing/\(each.picture).picture.npy")
            let values = try SegFormerPreprocessor(configuration).tensor(of: image)
            #expect(try values == Golden.tensor("preprocessing/\(each.name).npy"), "\(each.name)")
        }
    }

    @Test("The class maps of pictures of many sizes equal those of transformers")
    func sizes() async throws {
        let model = try await model("tiny")
        let names = try Golden.json("sizes/manifest.json", as: [String].self)
        #expect(names.count > 15)
        for name in names {
            let map = try await model.segment(Golden.image("sizes/\(name).npy"))
            let differing = try differingPixels(map, Golden.tensor("sizes/\(name).map.npy"))
            #expect(Double(differing) <= 1e-4 * Double(map.labels.count), "\(name): \(differing)")
        }
    }

    @Test("With separate, 16-bit and 8-bit weights, the logits equal those of ONNX Runtime in Python")
    func forms() async throws {
        let folder = try Golden.path("forms")
        let pixels = try Golden.tensor("forms/pixel_values.npy")
        for (variant, name) in [(ONNXVariant.standard, ""), (.fp16, "_fp16"), (.quantized, "_quantized")] {
            let model = try await SegFormerModel.load(folder: folder, variant: variant, runtime: Golden.runtime())
            let expected = try Golden.tensor("forms/logits\(name).npy")
            let logits = try await model.logits(of: pixels)
            #expect(logits.shape == expected.shape)
            let pairs = zip(try logits.values(as: Float.self), try expected.values(as: Float.self))
            let difference = pairs.map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference <= 1e-4, "\(variant): \(difference)")
            let map = try await model.segment(Golden.image("segformer/photo.npy"))
            #expect(Set(map.labels).count > 1, "\(variant)")
        }
    }

    @Test(
        "Pixel values, logits and class map of the tiny model equal those of transformers and torch",
        arguments: ["photo", "hd", "tall", "dot"]
    )
    func tinyModel(name: String) async throws {
        try await compare("tiny", name)
    }

    @Test(
        "Pixel values, logits and class map of B0 and B1 equal those of transformers and torch",
        arguments: ["b0", "b1"]
    )
    func largeModels(variant: String) async throws {
        try await compare(variant, "photo")
    }

    private func compare(_ variant: String, _ name: String) async throws {
        let model = try await model(variant)
        let image = try Golden.image("segformer/\(name).npy")
        let values = try SegFormerPreprocessor(model.configuration).tensor(of: image)
        #expect(try values == Golden.tensor("segformer/\(variant)-\(name).pixel_values.npy"))

        let logits = try #require(try await model.session.run(["pixel_values": values])["logits"])
        let expected = try Golden.tensor("segformer/\(variant)-\(name).logits.npy")
        #expect(logits.shape == expected.shape)
        let expectedLogits = try expected.values(as: Float.self)
        let largest = expectedLogits.map(abs).max() ?? 0
        let difference = zip(try logits.values(as: Float.self), expectedLogits).map { abs($0 - $1) }.max() ?? 0
        #expect(difference <= 1e-5 * max(largest, 1), "\(difference) of \(largest)")

        let map = try await model.segment(image)
        let expectedMap = try Golden.tensor("segformer/\(variant)-\(name).map.npy")
        #expect(try Double(differingPixels(map, expectedMap)) <= 1e-4 * Double(map.labels.count))
        #expect(Set(map.labels).count > 1 || map.labels.count == 1)

        // From torch's own logits, only rounding in the sums can differ.
        let fromTorch = try SegFormerPostprocessor().map(logits: expected, width: image.width, height: image.height)
        #expect(try Double(differingPixels(fromTorch, expectedMap)) <= 1e-4 * Double(map.labels.count))
    }

    @Test("Of equal classes the lowest wins, and a padded class never wins")
    func ties() throws {
        for classes in [1, 5, 8, 9, 150, 256] {
            let equal = try Tensor(
                shape: [1, classes, 2, 2],
                values: [Float](repeating: -.greatestFiniteMagnitude, count: classes * 4)
            )
            #expect(try SegFormerPostprocessor().map(logits: equal, width: 3, height: 3).labels.allSatisfy { $0 == 0 })
            var last = [Float](repeating: -1e30, count: classes * 4)
            last.replaceSubrange((classes * 4 - 4)..., with: [-1e29, -1e29, -1e29, -1e29])
            let best = try Tensor(shape: [1, classes, 2, 2], values: last)
            let labels = try SegFormerPostprocessor().map(logits: best, width: 5, height: 1).labels
            #expect(labels == [UInt8](repeating: UInt8(classes - 1), count: 5))
        }
    }

    @Test("Logits of another shape or type are refused")
    func invalidLogits() throws {
        let shapes = [[1, 3], [2, 3, 1, 1], [1, 0, 1, 1], [1, 257, 1, 1], [1, 3, 0, 1]]
        for shape in shapes {
            let logits = try Tensor(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
            let error = #expect(throws: ONNXError.self) {
                try SegFormerPostprocessor().map(logits: logits, width: 1, height: 1)
            }
            #expect(error?.code == .runFailed)
        }
        let doubles = try Tensor(shape: [1, 1, 1, 1], values: [0.0])
        #expect(throws: TensorError.self) { try SegFormerPostprocessor().map(logits: doubles, width: 1, height: 1) }
        let logits = try Tensor(shape: [1, 1, 1, 1], values: [Float(0)])
        #expect(throws: ImageError.self) { try SegFormerPostprocessor().map(logits: logits, width: 0, height: 1) }
        #expect(throws: ImageError.self) {
            try SegFormerPostprocessor().map(logits: logits, width: .max, height: .max)
        }
    }

    @Test("A NaN in the logits gives a label of the model, not garbage")
    func notANumber() throws {
        let logits = try Tensor(shape: [1, 3, 1, 1], values: [Float.nan, .nan, .nan])
        let labels = try SegFormerPostprocessor().map(logits: logits, width: 2, height: 1).labels
        #expect(labels.allSatisfy { $0 < 3 })
    }

    @Test("A model that is not a SegFormer is refused")
    func otherModel() throws {
        let session = try ONNXSession(.bytes(IdentityModel.bytes(.float32)), runtime: Golden.runtime())
        let error = #expect(throws: ONNXError.self) {
            try SegFormerModel(session: session, configuration: SegFormerConfiguration(labels: ["a"]))
        }
        #expect(error?.code == .invalidModel)
    }

    @Test("A configuration with a different number of classes than the model is refused")
    func otherLabels() throws {
        let session = try ONNXSession(
            .path(Golden.modelFolder("tiny") + "/model.onnx"),
            runtime: Golden.runtime()
        )
        let error = #expect(throws: ONNXError.self) {
            try SegFormerModel(session: session, configuration: SegFormerConfiguration(labels: ["a", "b"]))
        }
        #expect(error?.message.contains("5 classes") == true)
    }

    @Test("The errors for a folder without a configuration and for a missing folder name the path")
    func folders() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        func message() async throws -> String? {
            let error = await #expect(throws: ONNXError.self) {
                try await SegFormerModel.load(folder: folder.path, runtime: Golden.runtime())
            }
            #expect(error?.code == .notFound)
            return error?.message
        }
        #expect(try await message() == "there is no folder \(folder.path)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let nothing = "in \(folder.path): no model.onnx and no onnx/model.onnx; there are no files at all"
        #expect(try await message() == nothing)
        try FileManager.default.copyItem(
            at: URL(filePath: Golden.modelFolder("tiny") + "/model.onnx"),
            to: folder.appending(path: "model.onnx")
        )
        #expect(try await message()?.contains("\(folder.path)/config.json") == true)
    }
}
