import Foundation
import NIOCore
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("Inputs and outputs of models")
struct ONNXValueTests {
    private func session(_ name: String, outputs: [String] = []) throws -> ONNXSession {
        try ONNXSession(
            .path(Golden.model(name)),
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(intraOpThreads: 1, outputs: outputs)
        )
    }

    @Test(
        "Models give the same results as ONNX Runtime's Python binding",
        arguments: [
            ("scalar", "scalar"), ("several", "several"), ("picture", "picture"), ("batch-second", "batch-second"),
            ("layers", "layers"), ("external/model", "external-model"), ("loop", "loop"), ("join", "join"),
            ("classify", "classify"),
        ]
    )
    func golden(model: String, golden: String) async throws {
        let expected = try Golden.values("out", of: golden)
        #expect(!expected.isEmpty)
        let outputs = try await session(model).run(values: Golden.values("in", of: golden))
        #expect(Set(outputs.keys) == Set(expected.keys))
        for (name, value) in expected {
            guard let tensor = value.tensor, tensor.elementType == .float32 else {
                #expect(outputs[name] == value)
                continue
            }
            let output = try #require(outputs[name]?.tensor)
            #expect(output.shape == tensor.shape)
            let pairs = try zip(output.values(as: Float.self), tensor.values(as: Float.self))
            // A different number of threads may sum in a different order.
            #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
        }
    }

    @Test("Numbers of every type pass through, and so do empty tensors", arguments: ElementType.allCases)
    func identities(type: ElementType) async throws {
        let session = try session("identity-\(type)")
        #expect(session.inputs.map(\.description) == ["x: \(type) [n, m]"])
        for shape in [[2, 3], [0, 3], [0, 0], [1, 1]] {
            let count = shape.reduce(type.byteCount, *)
            let bytes = ByteBuffer(bytes: (0..<count).map { type == .bool ? UInt8($0 % 2) : UInt8($0 * 37 % 251) })
            let tensor = try Tensor(shape: shape, elementType: type, bytes: bytes)
            #expect(try await session.run(tensor) == tensor)
        }
    }

    @Test("Texts pass through byte for byte")
    func texts() async throws {
        let session = try session("identity-string")
        let texts = ["", "a", "\0", "a\0b", "grüß dich", "名前", "👩🏽‍💻", String(repeating: "long ", count: 5000)]
        for shape in [[2, 4], [8, 1]] {
            let text = try StringTensor(shape: shape, values: texts)
            #expect(try await session.run(values: ["x": .text(text)]) == ["y": .text(text)])
        }
        for shape in [[0, 3], [1, 0]] {
            let text = try StringTensor(shape: shape, values: [])
            #expect(try await session.run(values: ["x": .text(text)]) == ["y": .text(text)])
        }
        let blank = try StringTensor(shape: [1, 2], values: ["", ""])
        #expect(try await session.run(values: ["x": .text(blank)]) == ["y": .text(blank)])
    }

    @Test("An input that needs text refuses numbers by name, and the other way round")
    func mixedUp() async throws {
        let text = ONNXValue.text(try StringTensor(shape: [1], values: ["cat"]))
        let numbers = try Tensor(shape: [1], values: [Float(1)])
        let classify = try session("classify")
        let first = await #expect(throws: ONNXError.self) { try await classify.run(["word": numbers]) }
        #expect(first?.code == .invalidInput)
        #expect(first?.message == "input 'word' takes string, not float32")
        let scalar = try session("scalar")
        let second = await #expect(throws: ONNXError.self) { try await scalar.run(values: ["x": text]) }
        #expect(second?.message == "input 'x' takes float32, not string")
        let join = try session("join")
        let third = await #expect(throws: ONNXError.self) { try await join.run(["left": numbers, "right": numbers]) }
        #expect(third?.code == .invalidInput)
    }

    @Test("Unsupported output types are refused by name", arguments: ["int4", "float8e4m3fn", "sequence"])
    func refusedOutputs(name: String) async throws {
        let session = try session(name == "sequence" ? "sequence" : "output-\(name)")
        #expect(session.outputs.last?.type.name == name)
        let input = try Tensor(shape: [2], values: [Float(1), 2])
        let error = await #expect(throws: ONNXError.self) { try await session.run(["x": input]) }
        #expect(error?.code == .unsupportedType)
        #expect(error?.message.contains(" \(name); ") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("'outputs'") == true)
    }

    @Test("An input of an unsupported type is refused, too")
    func refusedInput() async throws {
        let session = try session("input-sequence")
        let error = await #expect(throws: ONNXError.self) {
            try await session.run(["list": try Tensor(shape: [1], values: [Float(1)])])
        }
        #expect(error?.code == .unsupportedType)
        #expect(error?.message.contains("sequence") == true)
    }

    @Test("Only the requested outputs are computed, in the requested order")
    func chosenOutputs() async throws {
        let input = try Tensor(shape: [2], values: [Float(1), 2])
        let negative = try await session("sequence", outputs: ["negative"]).run(["x": input])
        #expect(try negative["negative"]?.values(as: Float.self) == [-1, -2])
        #expect(negative.count == 1)
        #expect(try session("several", outputs: ["total", "sum"]).outputs.map(\.name) == ["total", "sum"])
        let unknown = #expect(throws: ONNXError.self) { try session("several", outputs: ["summ"]) }
        #expect(unknown?.code == .invalidArgument)
        #expect(unknown?.message.contains("'summ'") == true && unknown?.message.contains("sum, product, total") == true)
        let twice = #expect(throws: ONNXError.self) { try session("several", outputs: ["sum", "sum"]) }
        #expect(twice?.code == .invalidArgument)
    }

    @Test("More than 16 dimensions are refused when the model is loaded")
    func tooManyDimensions() throws {
        let error = #expect(throws: ONNXError.self) { try session("rank-17") }
        #expect(error?.message.contains("16 dimensions") == true)
    }

    @Test("A single tensor is enough only for a model with one input and one output")
    func single() async throws {
        let x = try Tensor(shape: [], values: [Float(3)])
        #expect(try await session("scalar").run(x).values(as: Float.self) == [6])
        let several = try session("several")
        let error = await #expect(throws: ONNXError.self) { try await several.run(x) }
        #expect(error?.code == .invalidInput)
    }

    @Test("Values and errors are the same after JSON")
    func coding() throws {
        let values: [ONNXValue] = [
            .tensor(try Tensor(shape: [2, 2], values: [1, 2, 3, 4] as [Int64])),
            .tensor(try Tensor(shape: [], values: [true])),
            .text(try StringTensor(shape: [2], values: ["a", "\0"])),
        ]
        let data = try JSONEncoder().encode(values)
        #expect(try JSONDecoder().decode([ONNXValue].self, from: data) == values)
        let error = ONNXError(.queueFull, "many")
        #expect(try JSONDecoder().decode(ONNXError.self, from: JSONEncoder().encode(error)) == error)
        let ragged = Data(#"[{"text":{"shape":[3],"values":["a"]}}]"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ONNXValue].self, from: ragged) }
    }

    /// The run ends only when it is stopped: the model would loop for years.
    @Test("A running model stops when its task is cancelled, and the session remains usable")
    func cancellation() async throws {
        let session = try session("loop")
        let x = try Tensor(shape: [64, 64], values: [Float](repeating: 1, count: 4096))
        let (began, beginning) = AsyncStream.makeStream(of: Void.self)
        let run = Task {
            try await session.run(
                preparing: {
                    beginning.yield()
                    return ["times": try Tensor(shape: [], values: [Int64.max]), "x": x]
                },
                read: { $0.count }
            )
        }
        for await _ in began { break }
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        let once = try await session.run(["times": try Tensor(shape: [], values: [Int64(1)]), "x": x])
        #expect(once["y"]?.shape == [64, 64])
    }
}
