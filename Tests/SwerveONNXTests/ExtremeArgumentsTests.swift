import NIOCore
import SwerveActors
import SwerveCore
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("Extreme arguments of sessions")
struct ExtremeArgumentsTests {
    private typealias Call = (inout ExtremeNumbers) async throws -> Void

    private static let runtime = Result { try Golden.runtime() }

    /// Calls of every public function that takes numbers.
    private static func calls(cacheFolder: String) throws -> [String: Call] {
        let (runtime, model) = (try runtime.get(), IdentityModel.bytes(.float32, dimensions: ["n", "1"]))
        let session = try ONNXSession(.bytes(model), runtime: runtime)
        let file = try Golden.modelFolder("tiny") + "/model.onnx"
        let tensor = try Tensor(shape: [4, 1], values: [1, 2, 3, 4] as [Float])
        func open(_ provider: ONNXProvider) throws {
            _ = try ONNXSession(.bytes(model), runtime: runtime, options: ONNXSessionOptions(providers: [provider]))
        }
        return [
            "ONNXBatchAxis.split(_:counts:)": { numbers in
                let port = ONNXPort(
                    name: "x",
                    type: ONNXType(.float32),
                    dimensions: [.init(size: nil), .init(size: 1)]
                )
                let axis = ONNXBatchAxis.find(inputs: [port], outputs: [port]).axis
                _ = try axis?.split(["x": tensor], counts: numbers.ints())
            },
            "ONNXPort.init(size:name:)": {
                let port = ONNXPort(
                    name: "x",
                    type: ONNXType(.float32),
                    dimensions: [.init(size: $0.int()), .init(size: nil, name: "n")]
                )
                #expect(!ONNXBatchAxis.find(inputs: [port], outputs: [port]).0.debugDescription.isEmpty)
                #expect(port.description.hasPrefix("x: "))
            },
            "ONNXProvider.cuda(device:memoryLimit:)": {
                try open(.cuda(device: $0.int(), memoryLimit: $0.int()))
            },
            "ONNXProvider.cuda(device:memoryFraction:)": {
                let provider = ONNXProvider.cuda(device: $0.int(), memoryFraction: $0.double())
                _ = try provider.limited { _ in .max / 2 }
                try open(provider)
            },
            "ONNXSessionOptions.init(intraOpThreads:interOpThreads:providers:allowSpinning:optimizationLevel:"
                + "concurrentRuns:queueLimit:outputs:weights:runMemory:cacheFolder:configuration:)": { numbers in
                    var options = ONNXSessionOptions(concurrentRuns: numbers.int(), queueLimit: numbers.int())
                    var deployment = DeploymentOptions(numReplicas: 2, placement: .inProcess)
                    deployment.resources.cpus = Resources.Amount(numbers.double())
                    let id = ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1)
                    _ = options.pooled(in: ReplicaContext(replica: id, options: deployment), cores: numbers.int())
                    options.intraOpThreads = [numbers.int(), 0][numbers.below(2)]
                    options.interOpThreads = [numbers.int(), 1][numbers.below(2)]
                    // Many threads are allowed, but not wanted here.
                    if options.concurrentRuns > 3 || (4...1024).contains(options.intraOpThreads)
                        || (4...1024).contains(options.interOpThreads)
                    {
                        return
                    }
                    _ = try ONNXSession(.bytes(model), runtime: runtime, options: options)
                },
            "ONNXShapeRecorder.init(path:limit:cacheFolder:)": {
                let recorder = try ONNXShapeRecorder(path: file, limit: $0.int(), cacheFolder: cacheFolder)
                await recorder.note(["x": .tensor(tensor)])
            },
            "ONNXWarmUp.init(sizes:shapes:recordedShapes:)": {
                let sizes = ["x[0]": min($0.int(), 64), "n": min($0.int(), 64)]
                try await session.warmUp(ONNXWarmUp(sizes: sizes, recordedShapes: $0.int()))
            },
            "ONNXWarmUp.sizes(_:)": { try await session.warmUp(.sizes(["x[0]": min($0.int(), 64)])) },
            "ONNXWarmUp.shapes(_:)": {
                let shape = $0.ints(upTo: 2).map { min($0, 256) }
                try await session.warmUp(.shapes([["x": shape]]))
            },
            "ONNXWarmUp.recorded(_:)": { try await session.warmUp(.recorded($0.int())) },
            "ThreadShare.threads(cores:replicas:cpus:concurrentRuns:)": {
                let threads = ThreadShare.threads(
                    cores: $0.int(),
                    replicas: $0.int(),
                    cpus: $0.double(),
                    concurrentRuns: $0.int()
                )
                #expect((1...1_000_000).contains(threads))
            },
        ]
    }

    @Test("The calls below are of all public functions that take numbers")
    func complete() throws {
        let functions = try PublicFunctions.takingNumbers(in: "SwerveONNX")
        #expect(try functions.symmetricDifference(Self.calls(cacheFolder: "").keys) == [])
    }

    @Test("No number ends the process: the result is a value or a typed error")
    func calls() async throws {
        try await withTemporaryFolder { folder in
            for (name, call) in try Self.calls(cacheFolder: folder).sorted(by: { $0.key < $1.key }) {
                for seed in 0..<100 {
                    var numbers = ExtremeNumbers(seed: seed)
                    do {
                        try await call(&numbers)
                    } catch {
                        #expect(error is ONNXError || error is TensorError, "\(name), seed \(seed): \(error)")
                    }
                }
            }
        }
    }
}
