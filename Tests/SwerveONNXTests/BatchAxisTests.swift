import NIOCore
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("The batch axis")
struct BatchAxisTests {
    private func session(_ name: String) throws -> ONNXSession {
        let options = ONNXSessionOptions(intraOpThreads: 1)
        return try ONNXSession(.path(Golden.model(name)), runtime: Golden.runtime(), options: options)
    }

    @Test("It is found by name at any position, otherwise it is the first dimension of every port")
    func found() throws {
        let second = try #require(try session("batch-second").batchAxis)
        #expect(second.inputs == ["x": 1] && second.outputs == ["y": 0])
        let several = try #require(try session("several").batchAxis)
        #expect(several.inputs == ["a": 0, "b": 0, "counts": 0])
        #expect(several.outputs == ["sum": 0, "product": 0, "total": 0])
        for name in ["picture", "batch-unnamed", "layers"] {
            let session = try session(name)
            #expect(session.batchAxis?.inputs.values.allSatisfy { $0 == 0 } == true, "\(name)")
            #expect(session.noBatchAxisReason == nil)
        }
    }

    @Test(
        "There is none where it would not be safe, with a reason",
        arguments: [
            ("batch-fixed", "the first dimension of 'x' is not dynamic: x: float32 [1, 4]"),
            ("batch-sequence", "'sequence'"), ("batch-square", "'k' is also another dimension of 'x'"),
            ("batch-reduced", "different names: found, rows"), ("scalar", "the first dimension of 'x' is not dynamic"),
            ("join", "'left' is of type string"), ("loop", "the first dimension of 'times' is not dynamic"),
            ("sequence", "'list' is of type sequence"),
        ]
    )
    func none(model: String, reason: String) throws {
        let session = try session(model)
        #expect(session.batchAxis == nil)
        #expect(session.noBatchAxisReason?.contains(reason) == true, "\(session.noBatchAxisReason ?? "")")
    }

    @Test("A batch dimension that one port has twice is not used")
    func twice() {
        let x = ONNXPort(
            name: "x",
            type: ONNXType(.float32),
            dimensions: [.init(size: nil, name: "batch"), .init(size: nil, name: "n")]
        )
        let (axis, reason) = ONNXBatchAxis.find(inputs: [x], outputs: [x])
        // 'batch' and 'n' are both batch names, so the first dimension is used.
        #expect(axis?.inputs == ["x": 0], "\(reason ?? "")")
        let square = ONNXPort(
            name: "y",
            type: ONNXType(.float32),
            dimensions: [.init(size: nil, name: "n"), .init(size: nil, name: "n")]
        )
        #expect(ONNXBatchAxis.find(inputs: [square], outputs: [square]).axis == nil)
        #expect(ONNXBatchAxis.find(inputs: [], outputs: [x]).reason == "the model has no inputs")
    }

    /// Splits the inputs of a golden case, and runs each part and all of them together.
    @Test("A batch gives the same results as its parts", arguments: ["several", "picture", "batch-second", "layers"])
    func batches(name: String) async throws {
        let session = try session(name)
        let axis = try #require(session.batchAxis)
        let inputs = try Golden.values("in", of: name).compactMapValues(\.tensor)
        let total = try #require(inputs.first.map { $0.value.shape[axis.inputs[$0.key] ?? 0] })
        let counts = [1, total - 2, 1]
        var requests = [[String: Tensor]](repeating: [:], count: 3)
        for (name, tensor) in inputs {
            for (index, part) in try tensor.split(counts, axis: axis.inputs[name] ?? 0).enumerated() {
                requests[index][name] = part
            }
        }
        let stacked = try axis.stack(requests)
        #expect(stacked.inputs == inputs)
        #expect(stacked.counts == counts)
        let together = try axis.split(await session.run(stacked.inputs), counts: stacked.counts)
        for (request, outputs) in zip(requests, together) {
            for (name, tensor) in try await session.run(request) {
                let output = try #require(outputs[name])
                #expect(output.shape == tensor.shape)
                if tensor.elementType == .float32 {
                    let pairs = try zip(output.values(as: Float.self), tensor.values(as: Float.self))
                    #expect(pairs.allSatisfy { abs($0 - $1) < 1e-5 })
                } else {
                    #expect(output == tensor)
                }
            }
        }
    }

    @Test("SegFormer with random weights treats a batch of three like three pictures")
    func segFormer() async throws {
        let path = try Golden.modelFolder("tiny") + "/model.onnx"
        let session = try ONNXSession(.path(path), runtime: Golden.runtime())
        let axis = try #require(session.batchAxis)
        let requests = try (0..<3).map { seed in
            let values = (0..<(3 * 64 * 64)).map { Float(($0 * 31 + seed * 7) % 97) / 97 }
            return ["pixel_values": try Tensor(shape: [1, 3, 64, 64], values: values)]
        }
        let (inputs, counts) = try axis.stack(requests)
        let together = try axis.split(await session.run(inputs), counts: counts)
        for (request, outputs) in zip(requests, together) {
            let single = try await session.run(request)
            let pairs = try zip(
                #require(outputs["logits"]).values(as: Float.self),
                #require(single["logits"]).values(as: Float.self)
            )
            #expect(pairs.allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test("Requests that do not fit together, and outputs of another length, are refused")
    func refused() throws {
        let axis = try #require(try session("several").batchAxis)
        let row = try Tensor(shape: [1, 3], values: [Float](repeating: 0, count: 3))
        let counts = try Tensor(shape: [2, 4], values: [Int64](repeating: 0, count: 8))
        let attempts: [[String: Tensor]] = [["a": row, "b": row], ["a": row, "b": row, "counts": counts]]
        for request in attempts {
            let error = #expect(throws: ONNXError.self) { try axis.stack([request]) }
            #expect(error?.code == .invalidInput)
        }
        let error = #expect(throws: ONNXError.self) { try axis.split(["sum": row], counts: [1, 1]) }
        #expect(error?.code == .runFailed)
        #expect(throws: ONNXError.self) { try axis.split(["other": row], counts: [1]) }
    }
}
