import Dispatch
import Foundation
import NIOCore
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

/// What of OpenVINO this machine has.
enum OpenVINO {
    static let library = try? OpenVINOLibrary.load()
    static let isInstalled = library != nil
    static let computesBF16 = (try? library?.check("bf16")) != nil
}

@Suite(
    "OpenVINO",
    .enabled(if: OpenVINO.isInstalled, "OpenVINO is not in .venv; dev/setup.sh test installs it"),
    .timeLimit(.minutes(5))
)
struct OpenVINOTests {
    private func session(
        _ name: String,
        _ provider: ONNXProvider = .openVINO(precision: .f32),
        outputs: [String] = [],
        concurrentRuns: Int = 1
    ) throws -> ONNXSession {
        try ONNXSession(
            .path(Golden.model(name)),
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(
                intraOpThreads: 1,
                providers: [provider],
                concurrentRuns: concurrentRuns,
                outputs: outputs
            )
        )
    }

    @Test(
        "Models give the results of ONNX Runtime",
        arguments: [
            ("scalar", "scalar"), ("several", "several"), ("picture", "picture"), ("batch-second", "batch-second"),
            ("layers", "layers"), ("external/model", "external-model"), ("loop", "loop"),
        ]
    )
    func golden(model: String, golden: String) async throws {
        let expected = try Golden.values("out", of: golden)
        #expect(!expected.isEmpty)
        let outputs = try await session(model).run(values: Golden.values("in", of: golden))
        #expect(Set(outputs.keys) == Set(expected.keys))
        for (name, value) in expected {
            try expectEqual(try #require(outputs[name]?.tensor), try #require(value.tensor))
        }
    }

    private func expectEqual(_ output: Tensor, _ expected: Tensor) throws {
        #expect(output.shape == expected.shape)
        guard expected.elementType == .float32 else {
            #expect(output == expected)
            return
        }
        let pairs = try zip(output.values(as: Float.self), expected.values(as: Float.self))
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($1)) })
    }

    @Test(
        "A model has the same inputs, outputs and batch axis as with ONNX Runtime",
        arguments: ["several", "picture"]
    )
    func ports(name: String) throws {
        let here = try session(name)
        let there = try session(name, .cpu)
        #expect(here.inputs == there.inputs)
        #expect(here.outputs == there.outputs)
        #expect(here.batchAxis == there.batchAxis)
        #expect(here.batchAxis != nil)
        #expect(here.engineName.hasPrefix("OpenVINO 20"))
        #expect(there.engineName.hasPrefix("ONNX Runtime 1."))
    }

    @Test("Numbers of every type pass through, and so do empty tensors", arguments: ElementType.allCases)
    func identities(type: ElementType) async throws {
        let session = try session("identity-\(type)")
        let fractions: [ElementType] = [.float16, .bfloat16, .float32, .float64]
        for shape in [[2, 3], [0, 3]] {
            let count = shape.reduce(1, *)
            // OpenVINO computes in at most 32 bits, so the upper bytes are zeros.
            var bytes = [UInt8](repeating: 0, count: count * type.byteCount)
            if !fractions.contains(type) {
                for index in 0..<count { bytes[index * type.byteCount] = UInt8(type == .bool ? index % 2 : index + 1) }
            }
            let tensor = try Tensor(shape: shape, elementType: type, bytes: ByteBuffer(bytes: bytes))
            #expect(try await session.run(tensor) == tensor)
        }
    }

    @Test("A model runs from bytes")
    func bytes() async throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Golden.model("layers"))))
        let options = ONNXSessionOptions(intraOpThreads: 1, providers: [.openVINO(precision: .f32)])
        let session = try await ONNXSession.load(.bytes(bytes), runtime: Golden.runtime(), options: options)
        let outputs = try await session.run(values: Golden.values("in", of: "layers"))
        let expected = try #require(try Golden.values("out", of: "layers")["y"]?.tensor)
        try expectEqual(try #require(outputs["y"]?.tensor), expected)
    }

    @Test("Each of a few sizes gets a compiled model, further ones share one, and all results are right")
    func sizes() async throws {
        let (here, there) = (try session("picture"), try session("picture", .cpu))
        let most = OpenVINOEngine.maximumShapes
        #expect(here.compiledModels?.all == 0)
        for round in 0..<2 {
            for extra in 0..<(most + 3) {
                let shape = [1, 3, 8 + extra, 9]
                let values = (0..<shape.reduce(1, *)).map { Float(($0 * 31 + round) % 17) / 17 }
                let input = ["pixels": try Tensor(shape: shape, values: values)]
                let (output, expected) = (try await here.run(input)["edges"], try await there.run(input)["edges"])
                try expectEqual(try #require(output), try #require(expected))
            }
        }
        #expect(here.compiledModels?.all == most + 1)
    }

    @Test("Only the requested outputs are returned, in the requested order")
    func chosenOutputs() async throws {
        let session = try session("several", outputs: ["total", "sum"])
        let outputs = try await session.run(values: Golden.values("in", of: "several"))
        let expected = try Golden.values("out", of: "several")
        #expect(Set(outputs.keys) == ["total", "sum"])
        #expect(outputs["total"] == expected["total"])
        try expectEqual(try #require(outputs["sum"]?.tensor), try #require(expected["sum"]?.tensor))
    }

    @Test("Runs at the same time do not mix their tensors")
    func concurrent() async throws {
        let session = try session("layers", concurrentRuns: 3)
        let reference = try self.session("layers", .cpu)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    let input = try Tensor(shape: [1, 256], values: (0..<256).map { Float(($0 + number) % 9) })
                    try expectEqual(try await session.run(input), try await reference.run(input))
                }
            }
            try await group.waitForAll()
        }
        #expect(session.compiledModels?.all == 1)
    }

    @Test("A size that the network cannot process is a typed error, and the session remains usable")
    func failingRun() async throws {
        let session = try ONNXSession(
            .path(Golden.modelFolder("tiny") + "/model.onnx"),
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(intraOpThreads: 1, providers: [.openVINO(precision: .f32)])
        )
        let wrong = try Tensor(shape: [1, 3, 1, 0], values: [Float]())
        let error = await #expect(throws: ONNXError.self) { try await session.run(["pixel_values": wrong]) }
        #expect(error?.code == .runFailed)
        let right = try Tensor(shape: [1, 3, 64, 64], values: [Float](repeating: 0.5, count: 3 * 64 * 64))
        #expect(try await session.run(["pixel_values": right])["logits"]?.shape == [1, 5, 16, 16])
    }

    @Test("A run that is cancelled before OpenVINO begins does not begin, and the session remains usable")
    func cancellation() async throws {
        let session = try session("layers")
        let input = ["x": try Tensor(shape: [1, 256], values: [Float](repeating: 1, count: 256))]
        let (began, beginning) = AsyncStream.makeStream(of: Void.self)
        let isCancelled = DispatchSemaphore(value: 0)
        let run = Task {
            try await session.run(
                preparing: {
                    beginning.yield()
                    isCancelled.wait()
                    return input
                },
                read: { outputs in Issue.record("it ran: \(outputs.count) outputs") }
            )
        }
        for await _ in began { break }
        run.cancel()
        isCancelled.signal()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(try await session.run(input)["y"]?.shape == [1, 256])
    }

    @Test("A model with text is left to the next provider, and the status says why")
    func fallback() throws {
        let asked: [ONNXProvider] = [.openVINO(precision: .f32), .cpu]
        let session = try ONNXSession(
            .path(Golden.model("classify")),
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(providers: asked)
        )
        #expect(session.provider == .cpu)
        #expect(session.providerStatus.running == "CPU")
        #expect(session.providerStatus.failed.map(\.provider) == ["OpenVINO f32"])
        #expect(session.providerStatus.failed[0].reason.contains("word: string"))
    }

    @Test("An unknown property is a reason to try the next provider, and names it")
    func unknownProperty() throws {
        let provider = ONNXProvider.openVINO(precision: .f32, settings: ["NO_SUCH_PROPERTY": "1"])
        let options = ONNXSessionOptions(intraOpThreads: 1, providers: [provider, .cpu])
        let session = try ONNXSession(.path(Golden.model("batch-fixed")), runtime: Golden.runtime(), options: options)
        #expect(session.provider == .cpu)
        #expect(session.failedProviders.first?.reason.contains("NO_SUCH_PROPERTY") == true)
    }

    @Test(
        "In bf16 a model gives nearly the same results, and the status says so",
        .enabled(if: OpenVINO.computesBF16, "this processor does not compute in bf16")
    )
    func bf16() async throws {
        let session = try session("layers", .openVINO(precision: .bf16))
        #expect(session.providerStatus.running == "OpenVINO bf16")
        let outputs = try await session.run(values: Golden.values("in", of: "layers"))
        let output = try #require(outputs["y"]?.tensor).values(as: Float.self)
        let expected = try #require(try Golden.values("out", of: "layers")["y"]?.tensor).values(as: Float.self)
        let differences = zip(output, expected).map { abs($0 - $1) }
        #expect(try #require(differences.max()) < 0.05)
        // In f32 the largest difference is a millionth: the precision took effect.
        #expect(try #require(differences.max()) > 1e-5)
    }

    @Test("bf16 needs instructions of the processor, even where OpenVINO could imitate it")
    func precision() throws {
        let library = try #require(OpenVINO.library)
        let error = #expect(throws: ONNXError.self) { try library.check("bf16", cpuInfo: "flags : fpu avx512f\n") }
        #expect(error?.code == .providerUnavailable)
        #expect(error?.message.contains("avx512_bf16") == true)
        #expect(throws: Never.self) { try library.check("f32", cpuInfo: "flags : fpu\n") }
    }
}

@Suite("OpenVINO's settings")
struct OpenVINOSettingsTests {
    @Test("The processor's flags tell whether it computes in bf16")
    func processor() {
        #expect(OpenVINOLibrary.computesBF16(cpuInfo: "processor : 0\nflags\t\t: fpu avx512f avx512_bf16 sse2\n"))
        #expect(OpenVINOLibrary.computesBF16(cpuInfo: "flags : amx_bf16"))
        #expect(OpenVINOLibrary.computesBF16(cpuInfo: "Features : fp asimd bf16"))
        #expect(!OpenVINOLibrary.computesBF16(cpuInfo: "flags : fpu avx512f avx512_bf16x\nmodel name : avx512_bf16"))
        #expect(!OpenVINOLibrary.computesBF16(cpuInfo: ""))
    }

    @Test("All runs of a replica share its threads, at most one for each core")
    func threads() {
        let options = ONNXSessionOptions(intraOpThreads: 3, concurrentRuns: 2)
        #expect(OpenVINOEngine.threads(options, cores: 16) == 4)
        #expect(OpenVINOEngine.threads(options, cores: 2) == 3)
        #expect(OpenVINOEngine.threads(ONNXSessionOptions(intraOpThreads: 1, concurrentRuns: 8), cores: 2) == 2)
    }

    @Test("Properties of the user replace the defaults")
    func properties() {
        let properties = OpenVINOEngine.properties(["NUM_STREAMS": "3", "A": "b"], threads: 5)
        #expect(
            properties == ["INFERENCE_NUM_THREADS": "5", "NUM_STREAMS": "3", "ENABLE_CPU_PINNING": "NO", "A": "b"]
        )
    }

    @Test("The provider is told by its precision, and is not ONNX Runtime's of that name")
    func provider() throws {
        let provider = ONNXProvider.openVINO(precision: .bf16, settings: ["A": "b"])
        #expect(provider.description == "OpenVINO bf16")
        #expect(provider.settings == ["INFERENCE_PRECISION_HINT": "bf16", "A": "b"])
        #expect(provider != ONNXProvider(shortName: "OpenVINO", settings: provider.settings))
        #expect(try JSONDecoder().decode(ONNXProvider.self, from: JSONEncoder().encode(provider)) == provider)
    }

    @Test("A missing library gives an error that says what was tried and what to install")
    func missing() {
        let search = ONNXLibrarySearch.openVINO(environment: { $0 == "OPENVINO_LIB" ? "/nowhere" : nil })
        let error = #expect(throws: ONNXError.self) { try OpenVINOLibrary.load(search) }
        #expect(error?.code == .libraryMissing)
        #expect(error?.message.contains("  /nowhere: cannot open shared object file") == true)
        #expect(error?.message.contains("pip install openvino") == true)
        #expect(error?.message.contains("OPENVINO_LIB") == true)
    }

    @Test("A library that is not OpenVINO is skipped")
    func otherLibrary() {
        let search = ONNXLibrarySearch(candidates: ["libpng16.so.16"])
        let error = #expect(throws: ONNXError.self) { try OpenVINOLibrary.load(search) }
        #expect(error?.code == .libraryMissing)
        #expect(error?.message.contains("ov_") == true)
    }
}
