import Foundation
import NIOCore
import Swerve
import SwerveModels
import SwerveTensor
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Reports what the replica's initialiser could find out about its replica.
@Deployment(numReplicas: 1, resources: Resources(cpus: 0.5))
distributed actor ContextTeller {
    private let context: ReplicaContext?
    private let later: ReplicaContext?
    private let background: Task<ReplicaContext?, Never>
    private let detached: Task<ReplicaContext?, Never>
    private let isOver: AsyncStream<Void>.Continuation

    init() async throws {
        let (over, isOver) = AsyncStream.makeStream(of: Void.self)
        self.isOver = isOver
        background = Task {
            for await _ in over {}
            return ReplicaContext.current
        }
        detached = Task.detached { ReplicaContext.current }
        context = ReplicaContext.current
        // A child task has the context, too.
        later = await withTaskGroup(of: ReplicaContext?.self) { group in
            group.addTask { ReplicaContext.current }
            return await group.next() ?? nil
        }
    }

    distributed func options() -> DeploymentOptions? { context?.options }
    distributed func replica() -> ReplicaID? { context?.replica }
    distributed func isSameInChild() -> Bool { context == later }
    distributed func isOutsideNow() -> Bool { ReplicaContext.current == nil }
    /// Lets a task that the initialiser started look only now.
    distributed func isSameInBackground() async -> Bool {
        isOver.finish()
        return await background.value == context
    }
    distributed func isOutsideWhenDetached() async -> Bool { await detached.value == nil }
}

/// What a user writes to give a model their own types.
@Deployment
distributed actor Kinds {
    private let model: ONNXSession

    init(model path: String) async throws {
        model = try await ONNXSession.shared(path)
    }

    distributed func kinds(of words: [String]) async throws -> [Int64] {
        let input = ONNXValue.text(try StringTensor(shape: [words.count], values: words))
        return try await model.run(values: ["word": input])["class"]?.tensor?.values() ?? []
    }
}

/// The same for numbers, as docs/MODELS.md shows it.
@Deployment
distributed actor Opposite {
    private let model: ONNXSession

    init(model path: String) async throws { model = try await ONNXSession.shared(path) }

    distributed func opposite(of rows: [[Float]]) async throws -> [Float] {
        try await model.run(Tensor(shape: [rows.count, 4], values: rows.flatMap(\.self))).values()
    }
}

extension ServedModels {
    @Suite("ONNXModel as a deployment")
    struct ONNXModelTests {
        private func post(_ url: String, _ body: Data, _ headers: [String: String]) async throws -> Answer {
            var request = URLRequest(url: try #require(URL(string: url)))
            request.httpMethod = "POST"
            request.httpBody = body
            for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
            let (data, response) = try await URLSession.shared.data(for: request)
            let http = try #require(response as? HTTPURLResponse)
            var fields: [String: String] = [:]
            for (name, value) in http.allHeaderFields { fields["\(name)".lowercased()] = "\(value)" }
            return Answer(status: http.statusCode, headers: fields, body: data)
        }

        private func isNear(_ outputs: [String: Tensor], _ expected: [String: Tensor]) throws -> Bool {
            guard Set(outputs.keys) == Set(expected.keys) else { return false }
            return try expected.allSatisfy { name, tensor in
                guard let output = outputs[name], output.shape == tensor.shape else { return false }
                guard tensor.elementType == .float32 else { return output == tensor }
                return try zip(output.values(as: Float.self), tensor.values(as: Float.self)).allSatisfy {
                    abs($0 - $1) < 1e-4
                }
            }
        }

        @Test("Calls by handle and HTTP requests give the same results as Python's binding", arguments: placements)
        func golden(placement: DeploymentOptions.Placement) async throws {
            let bound = ONNXModel.options(placement: placement).bind(model: try Golden.model("several"))
            try await withApplication(bound) { model, url in
                let inputs = try Golden.tensors("in", of: "several")
                let expected = try Golden.tensors("out", of: "several")
                #expect(try isNear(await model.run(inputs), expected))

                let signature = try await model.signature()
                #expect(signature.outputs.map(\.name) == ["sum", "product", "total"])
                #expect(signature.provider.running == "CPU")
                struct Rows: Encodable {
                    var a: [[Float]]
                    var b: [[Float]]
                    var counts: [[Int64]]
                }
                func rows<Element: TensorElement>(_ name: String) throws -> [[Element]] {
                    try #require(inputs[name]).split([1, 1, 1, 1, 1]).map { try $0.values() }
                }
                let body = try JSONEncoder().encode(["inputs": Rows(a: rows("a"), b: rows("b"), counts: rows("counts"))]
                )
                let answer = try await post(url, body, ["Content-Type": "application/json"])
                #expect(answer.status == 200)
                struct Total: Decodable { var data: [Int64] }
                let totals = try answer.json([String: [String: Any64]].self)["outputs"]?["total"]?.data
                #expect(try totals == expected["total"]?.values(as: Int64.self))
            }
        }

        /// The integers of an output; nil for other numbers.
        private struct Any64: Decodable {
            var data: [Int64]?
            private enum CodingKeys: String, CodingKey { case data }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                data = try? container.decode([Int64].self, forKey: .data)
            }
        }

        @Test("Text survives the way to a replica and back", arguments: placements)
        func text(placement: DeploymentOptions.Placement) async throws {
            try await withApplication(ONNXModel.options(placement: placement).bind(model: try Golden.model("join"))) {
                model,
                _ in
                let outputs = try await model.run(values: Golden.values("in", of: "join"))
                #expect(try outputs == Golden.values("out", of: "join"))
            }
        }

        @Test("A user's own deployment gives a model its own types", arguments: placements)
        func typed(placement: DeploymentOptions.Placement) async throws {
            try await withApplication(Kinds.options(placement: placement).bind(model: try Golden.model("classify"))) {
                kinds,
                _ async throws in
                #expect(try await kinds.kinds(of: ["dog", "bird", "grüß dich"]) == [2, -1, 3])
            }
            let bound = Opposite.options(placement: placement).bind(model: try Golden.model("batch-unnamed"))
            try await withApplication(bound) { model, _ async throws in
                #expect(
                    try await model.opposite(of: [[1, 2, 3, 4], [5, 6, 7, 8]]) == [-1, -2, -3, -4, -5, -6, -7, -8]
                )
            }
        }

        @Test("Model errors keep their type, even from another process", arguments: placements)
        func errors(placement: DeploymentOptions.Placement) async throws {
            try await withApplication(ONNXModel.options(placement: placement).bind(model: try Golden.model("several")))
            {
                model,
                url in
                let error = await #expect(throws: ONNXError.self) { try await model.run([:]) }
                #expect(error?.code == .invalidInput)
                #expect(error?.message.contains("a, b, counts") == true)
                let answer = try await post(
                    url,
                    Data("{\"inputs\":{\"a\":[[1]]}}".utf8),
                    ["Content-Type": "application/json"]
                )
                #expect(answer.status == 422)
                #expect(answer.text.contains("a: float32 [batch, 3]"))
            }
        }

        @Test("The replica's initialiser knows its options", arguments: placements)
        func context(placement: DeploymentOptions.Placement) async throws {
            let bound = ContextTeller.options(name: "teller", numReplicas: 2, placement: placement).bind()
            try await withApplication(bound) { teller, _ in
                let options = try #require(try await teller.options())
                #expect(options.numReplicas == 2)
                #expect(options.placement == placement)
                #expect(options.resources == Resources(cpus: 0.5))
                #expect(try await teller.replica()?.deployment.deployment == "teller")
                #expect(try await teller.isSameInChild())
                #expect(try await teller.isOutsideNow())
                #expect(try await teller.isSameInBackground())
                #expect(try await teller.isOutsideWhenDetached())
            }
        }

        @Test("Replicas use their share of the cores; replicas in one process share a session")
        func shares() async throws {
            let cores = ThreadShare.availableCores()
            let path = try Golden.model("layers")
            try await withApplication(ONNXModel.options(numReplicas: 2).bind(model: path)) { model, _ in
                let signature = try await model.signature()
                #expect(signature.intraOpThreads == max(1, cores / 2))
                #expect(signature.concurrentRuns == 1)
            }
            let here = ONNXModel.options(numReplicas: 2, placement: .inProcess).bind(model: path)
            try await withApplication(here) { model, _ in
                let signature = try await model.signature()
                #expect(signature.intraOpThreads == max(1, cores - 1))
                #expect(signature.concurrentRuns == 2)
            }
        }

        @Test(
            "Replicas in separate processes map the same file of weights",
            arguments: [ONNXSessionOptions.Weights.shared, .sharedUnpacked]
        )
        func weights(weights: ONNXSessionOptions.Weights) async throws {
            try await withTemporaryFolder { cache in
                let options = ONNXSessionOptions(weights: weights, cacheFolder: cache)
                let bound = ONNXModel.options(numReplicas: 2).bind(model: try Golden.model("layers"), options: options)
                try await withApplication(bound) { model, _ in
                    let outputs = try await model.run(Golden.tensors("in", of: "layers"))
                    #expect(try isNear(outputs, Golden.tensors("out", of: "layers")))
                    #expect(try FileManager.default.contentsOfDirectory(atPath: cache + "/models").count == 1)
                }
            }
        }

        @Test("An impossible warm-up fails the start; request shapes are recorded for the next start")
        func warmUp() async throws {
            let path = try Golden.model("picture")
            let local = await #expect(throws: ONNXError.self) {
                try await ONNXModel(model: ModelName(path), warmUp: .sizes(["batch": 1]))
            }
            #expect(local?.code == .invalidArgument)
            try await withTemporaryFolder { cache in
                let options = ONNXSessionOptions(cacheFolder: cache)
                let bound = ONNXModel.bind(model: path, options: options, warmUp: .recorded())
                for _ in 0..<2 {
                    try await withApplication(bound) { model, _ in
                        _ = try await model.run([
                            "pixels": try Tensor(shape: [1, 3, 2, 2], values: [Float](repeating: 0, count: 12))
                        ])
                    }
                }
                #expect(try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache).isEmpty == false)
            }
        }

        private static let once = ["times": Int64(1), "forever": Int64.max]

        private func loop(_ times: String) throws -> [String: Tensor] {
            [
                "times": try Tensor(shape: [], values: [Self.once[times] ?? 1]),
                "x": try Tensor(shape: [64, 64], values: [Float](repeating: 1, count: 4096)),
            ]
        }

        /// Whether the model's only thread is idle.
        private func isFree(_ model: ONNXModel) async throws -> Bool {
            do {
                _ = try await model.run(loop("once"))
                return true
            } catch let error as ONNXError where error.code == .queueFull {
                return false
            }
        }

        /// One thread and no queue: while an endless run executes, any other run is refused.
        private func withLoop(
            _ placement: DeploymentOptions.Placement,
            _ body: (ONNXModel, String) async throws -> Void
        ) async throws {
            let options = ONNXSessionOptions(intraOpThreads: 1, queueLimit: 0)
            let bound = ONNXModel.options(placement: placement).bind(model: try Golden.model("loop"), options: options)
            try await withApplication(bound, body)
        }

        @Test("A run stops when the call is cancelled, wherever the replica is", arguments: placements)
        func cancellation(placement: DeploymentOptions.Placement) async throws {
            try await withLoop(placement) { model, _ in
                let run = Task {
                    while true {
                        do {
                            return try await model.run(loop("forever"))
                        } catch let error as ONNXError where error.code == .queueFull {
                            // The run with which `isFree` tests the model came first.
                            continue
                        }
                    }
                }
                try await eventually("the model is busy") { try await !isFree(model) }
                run.cancel()
                await #expect(throws: CancellationError.self) { try await run.value }
                try await eventually("the model is free again") { try await isFree(model) }
            }
        }

        @Test("A run stops when the client disconnects; until then others are told to try again", arguments: placements)
        func disconnection(placement: DeploymentOptions.Placement) async throws {
            try await withLoop(placement) { model, url in
                let row = "[" + Array(repeating: "1", count: 64).joined(separator: ",") + "]"
                let x = "[" + Array(repeating: row, count: 64).joined(separator: ",") + "]"
                func body(_ times: Int64) -> Data { Data("{\"inputs\":{\"times\":\(times),\"x\":\(x)}}".utf8) }
                let json = ["Content-Type": "application/json"]
                let request = Task {
                    while try await post(url, body(.max), json).status == 503 { continue }
                }
                try await eventually("the model is busy") { try await !isFree(model) }
                let refused = try await post(url, body(1), json)
                #expect(refused.status == 503)
                #expect(refused.headers["retry-after"] == "1")
                request.cancel()
                _ = try? await request.value
                try await eventually("the model is free again") { try await isFree(model) }
            }
        }
    }
}
