internal import NIOCore
public import Swerve
public import SwerveONNX
public import SwerveTensor

/// A deployment of any ONNX model: tensors in, tensors out.
///
/// ```swift
/// let scores = ONNXModel.options(numReplicas: 2).bind(model: "Models/scores.onnx")
/// let handle = try await Serve.run(scores, name: "scores", routePrefix: "/scores")
/// let outputs = try await handle.run(["x": try Tensor(shape: [1, 4], values: [5.1, 3.5, 1.4, 0.2] as [Float])])
/// ```
/// Over HTTP, `GET` answers with the ``ONNXSignature``; `POST` takes `application/json`
/// (`{"inputs": {"x": [[5.1, 3.5]]}}`) or, for a model of one input, a NumPy array (`application/x-npy`).
///
/// The replica counts as ready only after the session is open and the warm-up is done. Replicas in one process share
/// the session. A run stops when its caller is cancelled or disconnects.
@Deployment(maxOngoingRequests: 32)
public distributed actor ONNXModel: RoutedIngress {
    private let session: ONNXSession
    private let recorder: ONNXShapeRecorder?
    private let limits: ONNXModelLimits
    private let details: ONNXSignature
    private let batching: ModelBatching?

    /// - Parameters:
    ///   - model: an ONNX file, a folder with `model.onnx` or `onnx/model.onnx`, or a repository and its revision, which is
    ///     downloaded unless the cache has it. All replicas of a deploy have the same commit.
    ///   - variant: which ONNX file to use when there are several, such as `fp16` or `quantized`.
    ///   - options: how the model runs.
    ///   - warmUp: runs to make before the replica takes requests; none by default.
    ///   - limits: the limits on an HTTP request.
    ///   - batching: how requests share runs of the model; `nil` runs it for each alone.
    /// - Throws: ``ONNXError``; `HubError`; ``ServeError`` with code `invalidOptions` for batches that cannot be.
    public init(
        model: ModelName,
        variant: ONNXVariant = .standard,
        options: ONNXSessionOptions = ONNXSessionOptions(),
        warmUp: ONNXWarmUp = .none,
        limits: ONNXModelLimits = ONNXModelLimits(),
        batching: BatchOptions? = nil
    ) async throws {
        let files = ModelFiles(variant: variant)
        let path = try await model.folder(files: files).modelPath
        session = try await ONNXSession.shared(path, options: options)
        session.warnOfFallback(of: model.text)
        let recorder =
            warmUp.recordedShapes > 0
            ? try ONNXShapeRecorder(path: path, limit: warmUp.recordedShapes, cacheFolder: options.cacheFolder) : nil
        self.recorder = recorder
        self.limits = limits
        details = ONNXSignature(model: model.text, session: session)
        self.batching = try ModelBatching(batching, of: session)
        try await session.warmUp(warmUp, recorder: recorder)
    }

    /// Runs a model whose inputs and outputs are numbers.
    ///
    /// - Parameter inputs: one tensor for each input, by name.
    /// - Returns: one tensor for each output, by name.
    /// - Throws: ``ONNXError``, see ``ONNXSession/run(_:)``.
    public distributed func run(_ inputs: [String: Tensor]) async throws -> [String: Tensor] {
        let outputs = try await outputs(of: inputs)
        await recorder?.note(inputs.mapValues { .tensor($0) })
        return outputs
    }

    /// Waits for the run that the request shares with others, if it can share one.
    private func outputs(of inputs: [String: Tensor]) async throws -> [String: Tensor] {
        guard let batching, let (shape, size) = session.batchShape(of: inputs) else {
            return try await session.run(inputs)
        }
        return try await BatchedCall._run(
            "ONNXModel.run",
            on: self,
            batching.options,
            inputs,
            key: BatchKey(shape),
            size: { _ in size }
        ) { actor, requests in
            try await actor.session.run(batch: requests)
        }
    }

    /// Runs a model that has text among its inputs or outputs.
    ///
    /// - Parameter inputs: one value for each input, by name.
    /// - Returns: one value for each output, by name.
    /// - Throws: ``ONNXError``, see ``ONNXSession/run(values:)``.
    public distributed func run(values inputs: [String: ONNXValue]) async throws -> [String: ONNXValue] {
        let tensors = inputs.compactMapValues(\.tensor)
        if batching != nil, tensors.count == inputs.count { return try await run(tensors).mapValues { .tensor($0) } }
        let outputs = try await session.run(values: inputs)
        await recorder?.note(inputs)
        return outputs
    }

    /// The model's inputs and outputs, and what runs it.
    public distributed func signature() -> ONNXSignature { details }

    public static let routes: HTTPRoutes<ONNXModel> = [
        .get("/") { model, _ in try .json(model.details) },
        .post("/") { model, request in try await model.answer(request) },
    ]

    private func answer(_ request: ServeRequest) async throws -> ServeResponse {
        do {
            let exchange = ONNXExchange(signature: details, limits: limits)
            let inputs = try await exchange.inputs(of: request)
            let outputs = try await run(values: inputs)
            return try await exchange.response(outputs, to: request)
        } catch let error as ONNXError {
            throw ONNXAnswers.error(for: error)
        }
    }
}

extension ONNXModel {
    /// A reference to a deployment of a model that is named by text: see ``init(model:variant:options:warmUp:limits:batching:)``.
    ///
    /// - Parameters:
    ///   - model: an ONNX file, a folder, or the name of a repository, `owner/name`.
    ///   - revision: a branch, tag or commit of the repository.
    ///   - variant: which ONNX file to use when there are several.
    ///   - options: how the model runs.
    ///   - warmUp: runs to make before the replica takes requests.
    ///   - limits: the limits on an HTTP request.
    ///   - batching: how requests share runs of the model; `nil` runs it for each alone.
    public static func bind(
        model: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        options: ONNXSessionOptions = ONNXSessionOptions(),
        warmUp: ONNXWarmUp = .none,
        limits: ONNXModelLimits = ONNXModelLimits(),
        batching: BatchOptions? = nil
    ) -> ONNXModel {
        Self.options().bind(
            model: model,
            revision: revision,
            variant: variant,
            options: options,
            warmUp: warmUp,
            limits: limits,
            batching: batching
        )
    }
}

extension ONNXModel.Configured {
    /// The same with other deployment options: see ``ONNXModel/bind(model:revision:variant:options:warmUp:limits:batching:)``.
    public func bind(
        model: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        options: ONNXSessionOptions = ONNXSessionOptions(),
        warmUp: ONNXWarmUp = .none,
        limits: ONNXModelLimits = ONNXModelLimits(),
        batching: BatchOptions? = nil
    ) -> ONNXModel {
        bind(
            model: ModelName(model, revision: revision),
            variant: variant,
            options: options,
            warmUp: warmUp,
            limits: limits,
            batching: batching
        )
    }
}

/// Limits on an HTTP request to an ``ONNXModel``.
public struct ONNXModelLimits: Hashable, Sendable, Codable {
    /// The largest body in bytes; 64 MiB by default. A larger one is answered with 413.
    public var maximumBodyBytes: Int
    /// The most bytes that the elements of one input may take; 256 MiB by default. More is answered with 413.
    public var maximumTensorBytes: Int

    public init(maximumBodyBytes: Int = 64 << 20, maximumTensorBytes: Int = 256 << 20) {
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumTensorBytes = maximumTensorBytes
    }
}
