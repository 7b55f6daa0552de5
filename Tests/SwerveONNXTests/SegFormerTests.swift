import Foundation
import NIOCore
import SwerveONNX
import SwerveTensor
import SwerveVision
import Testing

@Suite("SegFormer")
struct SegFormerTests {
    private func model(_ variant: String) async throws -> SegFormerModel {
        try await SegFormerModel.load(folder: Golden.modelFolder(variant), runtime: Golden.runtime())
    }

    /// How many pixels of two maps differ.
    private func differingPixels(_ map: SegmentationMap, _ expected: Tensor) throws -> Int {
        #expect(expected.shape == [map.height, map.width])
        return zip(map.labels, try expected.values(as: UInt8.self)).count { $0 != $1 }
    }

    @Test("Pixel values equal Hugging Face's number by number, for every setting of the processor")
    func preprocessing() throws {
        let image = try Golden.image("preprocessing/input.npy")
        let names = try Golden.json("preprocessing/manifest.json", as: [String].self)
        #expect(names.count > 10)
        for name in names {
            let settings = Array(try Golden.bytes("preprocessing/\(name).json").readableBytesView)
            let configuration = try SegFormerConfiguration(
                config: Array(#"{"num_labels": 3}"#.utf8),
                preprocessor: settings
            )
            let values = try SegFormerPreprocessor(configuration).tensor(of: image)
            #expect(try values == Golden.tensor("preprocessing/\(name).npy"), "\(name)")
        }
    }

    @Test(
        "Pixel values, logits and class map of the tiny model equal those of transformers and torch",
        arguments: ["photo", "hd", "tall", "dot"]
    )
    func tinyModel(name: String) async throws {
        try await compare("tiny", name)
    }

    @Test("Pixel values, logits and class map of B0 equal those of transformers and torch")
    func b0Model() async throws {
        try await compare("b0", "photo")
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

        // From torch's own logits only rounding in the sums is left.
        let fromTorch = try SegFormerPostprocessor().map(logits: expected, width: image.width, height: image.height)
        #expect(try Double(differingPixels(fromTorch, expectedMap)) <= 1e-4 * Double(map.labels.count))
    }

    @Test("Of classes that are equal the lowest wins, and a padded class never does")
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

    @Test("A model that is no SegFormer is refused when it is wrapped")
    func otherModel() throws {
        let session = try ONNXSession(.bytes(IdentityModel.bytes(.float32)), runtime: Golden.runtime())
        let error = #expect(throws: ONNXError.self) {
            try SegFormerModel(session: session, configuration: SegFormerConfiguration(labels: ["a"]))
        }
        #expect(error?.code == .invalidModel)
    }

    @Test("A configuration that names another number of classes than the model has is refused")
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

    @Test("A folder may keep the model in onnx/, and what is missing is named")
    func folders() async throws {
        let source = URL(filePath: try Golden.modelFolder("tiny"))
        let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder.appending(path: "onnx"), withIntermediateDirectories: true)
        func load() async throws -> SegFormerModel {
            try await SegFormerModel.load(folder: folder.path, runtime: Golden.runtime())
        }
        func missing(_ name: String) async {
            let error = await #expect(throws: ONNXError.self) { try await load() }
            #expect(error?.code == .notFound)
            #expect(error?.message.contains(name) == true)
        }
        await missing("onnx/model.onnx")
        for (from, to) in [("model.onnx", "onnx/model.onnx"), ("config.json", "config.json")] {
            try FileManager.default.copyItem(at: source.appending(path: from), to: folder.appending(path: to))
        }
        await missing("preprocessor_config.json")
        let file = "preprocessor_config.json"
        try FileManager.default.copyItem(at: source.appending(path: file), to: folder.appending(path: file))
        #expect(try await load().configuration.labels.count == 5)
    }
}
