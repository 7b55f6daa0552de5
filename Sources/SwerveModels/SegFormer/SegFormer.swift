internal import NIOCore
public import Swerve
public import SwerveONNX
public import SwerveVision
internal import SwerveVisionHTTP

/// A SegFormer model as a deployment: finds the class of each pixel of a picture.
///
/// ```swift
/// let handle = try await Serve.run(SegFormer.bind(model: "nvidia/segformer-b0-finetuned-ade-512-512"))
/// let map = try await handle.segment(image)
/// ```
/// Over HTTP, a `POST` with a picture answers with a picture of the segmentation (`?picture=overlay`, `side-by-side` or
/// `contour`), with the class map for `Accept: application/x-npy`, or with ``SegmentationReport`` for
/// `Accept: application/json`; `GET` answers with ``SegFormerDescription``. See `docs/SEGFORMER.md`.
@Deployment(maxOngoingRequests: 8)
public distributed actor SegFormer: RoutedIngress {
    private let model: SegFormerModel
    private let options: SegFormerOptions
    private let batching: ModelBatching?
    /// Where this replica decodes and draws pictures.
    private let pictures: PictureWork

    /// Loads the model once per replica and runs it once; replicas in one process share it.
    ///
    /// Reads `config.json` (labels, palette), `preprocessor_config.json` (how pictures are prepared) and the ONNX file, at
    /// the root or in `onnx/`, and checks that they agree.
    ///
    /// - Parameters:
    ///   - model: the path of a folder, or a repository and its revision, which is downloaded unless the cache has it. All
    ///     replicas of a deploy have the same commit.
    ///   - variant: which ONNX file to use when there are several, such as `fp16` or `quantized`.
    ///   - options: how the model runs and which pictures it takes.
    ///   - batching: how pictures share runs of the model; `nil` runs it for each alone.
    /// - Throws: ``ONNXError``, whose message says what is missing or wrong and what to do about it; `HubError`;
    ///   ``ServeError`` with code `invalidOptions` for batches that cannot be.
    public init(
        model: ModelName,
        variant: ONNXVariant = .standard,
        options: SegFormerOptions = SegFormerOptions(),
        batching: BatchOptions? = nil
    ) async throws {
        self.model = try await SegFormerModel.load(model, variant: variant, session: options.session)
        self.options = options
        self.batching = try ModelBatching(batching, of: self.model.session)
        for count in ModelBatching.warmUpSizes(batching) where count > 1 { try await self.model.warmUp(count: count) }
        pictures = PictureWork(limit: ONNXSessionOptions().resolved(in: ReplicaContext.current).intraOpThreads)
    }

    /// Finds the class of each pixel of a picture of any size.
    ///
    /// - Throws: ``ONNXError`` with code `queueFull` or `runFailed`; `CancellationError`.
    public distributed func segment(_ image: Image) async throws -> SegmentationMap {
        guard let batching else { return try await model.segment(image) }
        return try await BatchedCall._run(
            "SegFormer.segment",
            on: self,
            batching.options,
            image,
            key: model.batchKey(of: image)
        ) { actor, images in
            try await actor.model.segment(batch: images)
        }
    }

    /// The name and the colour of each class, by label.
    public distributed func classes() -> [LegendEntry] {
        model.legend
    }

    /// Describes the model and how it runs.
    public distributed func describe() -> SegFormerDescription {
        model.details
    }

    public static let routes: HTTPRoutes<SegFormer> = [
        .get("/") { model, _ in try .json(model.describe()) },
        .post("/") { model, request in try await model.answer(request) },
    ]

    private func answer(_ request: ServeRequest) async throws -> ServeResponse {
        let answer = try SegmentationAnswer(for: request)
        return try await PictureWork.$current.withValue(pictures) {
            let image = try await request.image(isUpright: options.isUpright, limits: options.limits)
            return try await answer.response(with: try await segment(image), of: image, classes: classes())
        }
    }
}

extension SegFormer {
    /// A reference to a deployment of a model that is named by text: see ``init(model:variant:options:batching:)``.
    ///
    /// - Parameters:
    ///   - model: the path of a folder, or the name of a repository, `owner/name`.
    ///   - revision: a branch, tag or commit of the repository.
    ///   - variant: which ONNX file to use when there are several.
    ///   - options: how the model runs and which pictures it takes.
    ///   - batching: how pictures share runs of the model; `nil` runs it for each alone.
    public static func bind(
        model: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        options: SegFormerOptions = SegFormerOptions(),
        batching: BatchOptions? = nil
    ) -> SegFormer {
        bind(model: ModelName(model, revision: revision), variant: variant, options: options, batching: batching)
    }
}

extension SegFormer.Configured {
    /// The same with other deployment options: see ``SegFormer/bind(model:revision:variant:options:batching:)``.
    public func bind(
        model: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        options: SegFormerOptions = SegFormerOptions(),
        batching: BatchOptions? = nil
    ) -> SegFormer {
        bind(model: ModelName(model, revision: revision), variant: variant, options: options, batching: batching)
    }
}
