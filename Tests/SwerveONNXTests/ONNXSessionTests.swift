import Foundation
import NIOCore
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("ONNX session")
struct ONNXSessionTests {
    private func session(_ options: ONNXSessionOptions = .init()) throws -> ONNXSession {
        try ONNXSession(
            .path(Golden.modelFolder("tiny") + "/model.onnx"),
            runtime: Golden.runtime(),
            options: options
        )
    }

    private func input(_ shape: [Int] = [1, 3, 64, 64]) throws -> Tensor {
        try Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { Float($0 % 97) / 97 })
    }

    @Test("A session describes its inputs and outputs")
    func ports() throws {
        let session = try session()
        #expect(session.inputs.map(\.description) == ["pixel_values: float32 [batch_size, 3, height, width]"])
        #expect(session.outputs.map(\.description) == ["logits: float32 [batch_size, 5, height/4, width/4]"])
        #expect(session.provider == .cpu)
        #expect(session.failedProviders.isEmpty)
    }

    @Test("A model gives the same results from bytes as from a file, and a batch the same as its parts")
    func runs() async throws {
        let path = try Golden.modelFolder("tiny") + "/model.onnx"
        let runtime = try Golden.runtime()
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let fromBytes = try await ONNXSession.load(.bytes(bytes), runtime: runtime)
        let input = try input([2, 3, 64, 64])
        let logits = try #require(try await session().run(["pixel_values": input])["logits"])
        #expect(logits.shape == [2, 5, 16, 16])
        #expect(try await fromBytes.run(["pixel_values": input])["logits"] == logits)

        let half = input.bytes.readableBytes / 2
        let second = try Tensor(
            shape: [1, 3, 64, 64],
            elementType: .float32,
            bytes: #require(input.bytes.getSlice(at: input.bytes.readerIndex + half, length: half))
        )
        let single = try #require(try await fromBytes.run(["pixel_values": second])["logits"])
        let expected = try logits.values(as: Float.self).suffix(5 * 256)
        #expect(zip(try single.values(as: Float.self), expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("Tensors at an unaligned address run, too")
    func misaligned() async throws {
        let input = try input()
        var shifted = ByteBuffer(bytes: [0])
        shifted.writeImmutableBuffer(input.bytes)
        shifted.moveReaderIndex(forwardBy: 1)
        let session = try session()
        let expected = try await session.run(["pixel_values": input])
        let tensor = try Tensor(shape: input.shape, elementType: .float32, bytes: shifted)
        #expect(try await session.run(["pixel_values": tensor]) == expected)
    }

    @Test("Every element type goes in and comes out", arguments: ElementType.allCases)
    func elementTypes(type: ElementType) async throws {
        let model = IdentityModel.bytes(type)
        let session = try ONNXSession(.bytes(model), runtime: Golden.runtime())
        let bytes = ByteBuffer(bytes: (0..<(6 * type.byteCount)).map { type == .bool ? UInt8($0 % 2) : UInt8($0) })
        let tensor = try Tensor(shape: [2, 3], elementType: type, bytes: bytes)
        #expect(try await session.run(["x": tensor]) == ["y": tensor])
        let empty = try Tensor(shape: [0, 3], elementType: type, bytes: ByteBuffer())
        #expect(try await session.run(["x": empty]) == ["y": empty])
    }

    @Test("Inputs that do not match the model are refused before it runs, and the error says what it takes")
    func wrongInputs() async throws {
        let session = try session()
        let good = try input()
        let attempts: [([String: Tensor], String)] = [
            ([:], "1 inputs"), (["pixels": good], "'pixel_values' is missing"),
            (["pixel_values": good, "more": good], "1 inputs"),
            (["pixel_values": try input([1, 4, 64, 64])], "[batch_size, 3, height, width]"),
            (["pixel_values": try good.reshaped(to: [3, 64, 64])], "[3, 64, 64]"),
            (["pixel_values": try Tensor(shape: [1, 3, 1, 1], values: [Double](repeating: 0, count: 3))], "float32"),
        ]
        for (inputs, words) in attempts {
            let error = await #expect(throws: ONNXError.self) { try await session.run(inputs) }
            #expect(error?.code == .invalidInput)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test("A size that the network cannot process is a typed error, and the session remains usable")
    func failingRun() async throws {
        let session = try session()
        let empty = try Tensor(shape: [1, 3, 0, 0], values: [Float]())
        let error = await #expect(throws: ONNXError.self) { try await session.run(["pixel_values": empty]) }
        #expect(error?.code == .runFailed)
        #expect(try await session.run(["pixel_values": input()])["logits"]?.shape == [1, 5, 16, 16])
    }

    @Test("Files that are not a model are refused")
    func invalidModels() throws {
        let runtime = try Golden.runtime()
        var cut = [UInt8](try Data(contentsOf: URL(filePath: Golden.modelFolder("tiny") + "/model.onnx")))
        cut.removeLast(cut.count / 2)
        for bytes in [[], [1, 2, 3], Array("hello, this is no model".utf8), cut] {
            let error = #expect(throws: ONNXError.self) { try ONNXSession(.bytes(bytes), runtime: runtime) }
            #expect(error?.code == .invalidModel)
        }
        for path in ["/nowhere/model.onnx", "/tmp"] {
            let error = #expect(throws: ONNXError.self) { try ONNXSession(.path(path), runtime: runtime) }
            #expect(error?.code == .notFound)
            #expect(error?.message.contains(path) == true)
        }
    }

    @Test("Options out of range are refused by name")
    func invalidOptions() {
        for (options, name) in [
            (ONNXSessionOptions(intraOpThreads: -1), "intraOpThreads"), (.init(interOpThreads: 5000), "interOpThreads"),
            (.init(concurrentRuns: 0), "concurrentRuns"), (.init(queueLimit: -1), "queueLimit"),
            (.init(providers: []), "providers"),
        ] {
            let error = #expect(throws: ONNXError.self) { try session(options) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.hasPrefix(name) == true)
        }
    }

    @Test("CUDA is skipped with a reason where it is missing, and required where nothing else may run")
    func fallback() throws {
        let providers: [ONNXProvider] = [.cuda(device: 0, memoryLimit: 1 << 30), .cpu]
        let session = try session(ONNXSessionOptions(providers: providers))
        if session.provider == .cpu {
            #expect(session.failedProviders.map(\.provider) == [providers[0]])
            #expect(session.failedProviders[0].reason.contains("built without it"))
            let error = #expect(throws: ONNXError.self) { try self.session(.init(providers: [providers[0]])) }
            #expect(error?.code == .providerUnavailable)
            #expect(error?.message.contains("CUDA: ") == true)
        } else {
            #expect(session.provider == providers[0])
        }
    }
}
