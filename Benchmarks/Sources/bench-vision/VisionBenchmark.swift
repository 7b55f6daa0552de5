import Foundation
import Swerve
import SwerveModels
import SwerveTensor
import SwerveVision

struct VisionBenchmark {
    let model: String

    /// Measures the time from a repository's name to a model that can run.
    func load() async throws {
        let start = ContinuousClock.now
        _ = try await loaded()
        try write(["milliseconds": milliseconds(ContinuousClock.now - start)])
    }

    private func loaded() async throws -> SegFormerModel {
        let files = ModelFiles(others: ["config.json", "preprocessor_config.json"])
        let folder = try await ModelSource.resolve(model, files: files)
        let options = ONNXSessionOptions(intraOpThreads: 1)
        return try await SegFormerModel.load(folder: folder.path, runtime: try ONNXRuntime.load(), options: options)
    }

    func stages(picture: String, duration: Duration) async throws {
        let model = try await loaded()
        let file = try Array(Data(contentsOf: URL(filePath: picture)))
        let image = try Image.decode(file)
        let preprocessor = SegFormerPreprocessor(model.configuration)
        let values = try preprocessor.tensor(of: image)
        guard let input = model.session.inputs.first?.name, let output = model.session.outputs.first?.name,
            let logits = try await model.session.run([input: values])[output]
        else { fatalError("the model has no input or no output") }
        var rates: [String: Double] = [:]
        rates["decode"] = try await rate(duration) { _ = try Image.decode(file) }
        rates["preprocess"] = try await rate(duration) { _ = try preprocessor.tensor(of: image) }
        rates["model"] = try await rate(duration) { _ = try await model.session.run([input: values]) }
        rates["postprocess"] = try await rate(duration) {
            _ = try SegFormerPostprocessor().map(logits: logits, width: image.width, height: image.height)
        }
        try write(rates)
    }

    /// How many times per second the work is done.
    private func rate(_ duration: Duration, _ work: () async throws -> Void) async throws -> Double {
        try await work()
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < duration {
            try await work()
            count += 1
        }
        return Double(count) * 1000 / milliseconds(ContinuousClock.now - start)
    }

    func serve(
        replicas: Int,
        picture: String,
        placement: DeploymentOptions.Placement,
        provider: ONNXProvider
    ) async throws {
        let image = try Image.decode(Array(Data(contentsOf: URL(filePath: picture))))
        let options = SegFormerOptions(session: ONNXSessionOptions(intraOpThreads: 1, providers: [provider]))
        let bound = SegFormer.options(
            numReplicas: replicas,
            maxOngoingRequests: 1,
            placement: placement,
            routing: .roundRobin
        ).bind(model: model, options: options)
        let handle = try await Serve.run(bound, name: "segformer", routePrefix: nil)
        // Warms up: memory that one run takes is kept for the next.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<(4 * replicas) { group.addTask { _ = try await handle.segment(image) } }
            try await group.waitForAll()
        }
        try FileHandle.standardOutput.write(contentsOf: Data("ready\n".utf8))
        try await Serve.waitForShutdownSignal()
    }

    func serveBatches(port: Int, threads: Int, size: Int) async throws {
        let session = ONNXSessionOptions(intraOpThreads: threads, providers: [.cpu], concurrentRuns: 2)
        let bound = SegFormer.options(maxOngoingRequests: 8 * size).bind(
            model: model,
            options: SegFormerOptions(session: session),
            batching: BatchOptions(maxBatchSize: size, waitTimeout: .milliseconds(100))
        )
        try await Serve.start(ServeOptions(port: port))
        try await Serve.run(bound, name: "segformer")
        try await Serve.waitForShutdownSignal()
    }

    /// Measures how many times per second each engine runs the model, with two threads. They take turns, so that what
    /// else happens on the machine meets all of them.
    func engines(duration: Duration) async throws {
        let providers: [String: ONNXProvider] = [
            "onnxruntime": .cpu, "openvino": .openVINO(precision: .bf16), "openvino_f32": .openVINO(precision: .f32),
        ]
        let folder = try await ModelSource.resolve(model, files: ModelFiles())
        let values = (0..<(3 * 512 * 512)).map { (index: Int) -> Float in Float(index % 255) }
        let input = try Tensor(shape: [1, 3, 512, 512], values: values.map { $0 / 128 })
        var sessions: [String: ONNXSession] = [:]
        for (name, provider) in providers {
            let options = ONNXSessionOptions(intraOpThreads: 2, providers: [provider])
            do {
                let session = try await ONNXSession.shared(folder.modelPath, options: options)
                for _ in 0..<2 { _ = try await session.run(input) }
                sessions[name] = session
            } catch let error as ONNXError where error.code == .providerUnavailable {
                continue
            }
        }
        var times: [String: [Double]] = [:]
        let start = ContinuousClock.now
        while ContinuousClock.now - start < duration {
            for (name, session) in sessions {
                let before = ContinuousClock.now
                _ = try await session.run(input)
                times[name, default: []].append(milliseconds(ContinuousClock.now - before))
            }
        }
        try write(times.mapValues { 1000 / $0.sorted()[$0.count / 2] })
    }

    private func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }

    private func write(_ numbers: [String: Double]) throws {
        print(String(decoding: try JSONEncoder().encode(numbers), as: UTF8.self))
    }
}
