import NIOCore
import Swerve
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

@testable import SwerveModels

@Suite("Extreme arguments of models")
struct ExtremeArgumentsTests {
    private typealias Call = (inout ExtremeNumbers) async throws -> Void

    /// Calls of every public function that takes numbers.
    private static func calls(_ segFormer: SegFormerModel) throws -> [String: Call] {
        let logits = try Tensor(shape: [1, 2, 2, 2], values: [0, .nan, .infinity, -.infinity, 1, 2, 3, 4] as [Float])
        let image = try Image(width: 8, height: 6, channels: 3, pixels: Array(repeating: 9, count: 144))
        let map = try SegmentationMap(width: 2, height: 2, labels: [0, 1, 2, 1])
        return [
            "ONNXModelLimits.init(maximumBodyBytes:maximumTensorBytes:)": {
                let limits = ONNXModelLimits(maximumBodyBytes: $0.int(), maximumTensorBytes: $0.int())
                let exchange = ONNXExchange(
                    signature: ONNXSignature(model: "tiny", session: segFormer.session),
                    limits: limits
                )
                var headers = HTTPHeaders()
                headers.add("content-type", $0.below(2) == 0 ? "application/json" : "application/x-npy")
                let body = try $0.below(2) == 0 ? logits.npy() : ByteBuffer(string: #"{"inputs": {"x": [[1, 2]]}}"#)
                let request = try ServeRequest(method: .post, path: "/", headers: headers, body: HTTPBody(body))
                _ = try await exchange.inputs(of: request)
            },
            "SegFormerConfiguration.init(width:height:)": {
                let size = SegFormerConfiguration.InputSize(width: $0.int(), height: $0.int())
                var configuration = segFormer.configuration
                configuration.inputSize = size
                configuration.normalization.scale = $0.double()
                configuration.normalization.mean = $0.floats()
                configuration.normalization.deviation = $0.floats()
                let tensor = try? SegFormerPreprocessor(configuration).tensor(of: image)
                #expect(tensor.map { $0.shape == [1, 3, size.height, size.width] } ?? true)
                _ = try SegFormerConfiguration(
                    labels: ["wall"],
                    inputSize: size,
                    normalization: configuration.normalization
                )
            },
            "SegFormerPostprocessor.map(logits:width:height:)": {
                let (width, height) = ($0.int(), $0.int())
                let found = try SegFormerPostprocessor().map(logits: logits, width: width, height: height)
                #expect(found.labels.count == width * height && found.labels.allSatisfy { $0 < 2 })
            },
            "SegmentationMap.init(width:height:labels:)": {
                _ = try SegmentationMap(width: $0.int(), height: $0.int(), labels: [0, 1, 2, 1])
            },
            "SegmentationMap.png(palette:level:)": { _ = try map.png(palette: .distinct, level: $0.int()) },
        ]
    }

    @Test("The calls below are of all public functions that take numbers; none of the numbers ends the process")
    func calls() async throws {
        let model = try await SegFormerModel.load(folder: Golden.modelFolder("tiny"), runtime: Golden.runtime())
        let calls = try Self.calls(model)
        let functions = try PublicFunctions.takingNumbers(in: "SwerveModels")
        #expect(functions.symmetricDifference(calls.keys) == [])
        for (name, call) in calls.sorted(by: { $0.key < $1.key }) {
            for seed in 0..<100 {
                var numbers = ExtremeNumbers(seed: seed)
                do {
                    try await call(&numbers)
                } catch {
                    let isTyped = error is ONNXError || error is TensorError || error is ImageError
                    #expect(isTyped || ServeResponse(for: error).status.code < 500, "\(name), seed \(seed): \(error)")
                }
            }
        }
    }
}
