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
    private let information: SegFormerDescription
    private let options: SegFormerOptions

    /// Loads the model once per replica; replicas in one process share it.
    ///
    /// Reads `config.json` (labels, palette), `preprocessor_config.json` (how pictures are prepared) and the ONNX file, at
    /// the root or in `onnx/`, and checks that they agree.
    ///
    /// - Parameters:
    ///   - model: the path of a folder, or a repository and its revision, which is downloaded unless the cache has it. All
    ///     replicas of a deploy have the same commit.
    ///   - variant: which ONNX file to use when there are several, such as `fp16` or `quantized`.
    ///   - options: how the model runs and which pictures it takes.
    /// - Throws: ``ONNXError``, whose message says what is missing or wrong and what to do about it; `HubError`.
    public init(
        model: ModelName,
        variant: ONNXVariant = .standard,
        options: SegFormerOptions = SegFormerOptions()
    ) async throws {
        let files = ModelFiles(
            variant: variant,
            others: ["config.json", "preprocessor_config.json"],
            advice: "Make one with `.venv/bin/python dev/export-onnx.py MODEL` and bind the folder that it writes."
        )
        let folder = try await model.folder(files: files)
        let runtime = try ONNXRuntime.load()
        let session = try await ONNXSession.shared(folder.modelPath, runtime: runtime, options: options.session)
        let configuration = try SegFormerConfiguration(folder: folder.path)
        self.model = try SegFormerModel(session: session, configuration: configuration)
        self.options = options
        information = SegFormerDescription(model.text, folder, self.model, runtime: runtime)
    }

    /// Finds the class of each pixel of a picture of any size.
    ///
    /// - Throws: ``ONNXError`` with code `queueFull` or `runFailed`; `CancellationError`.
    public distributed func segment(_ image: Image) async throws -> SegmentationMap {
        try await model.segment(image)
    }

    /// The name and the colour of each class, by label.
    public distributed func classes() -> [LegendEntry] {
        model.legend
    }

    /// Describes the model and how it runs.
    public distributed func describe() -> SegFormerDescription {
        information
    }

    public static let routes: HTTPRoutes<SegFormer> = [
        .get("/") { model, _ in try .json(model.information) },
        .post("/") { model, request in try await model.answer(request) },
    ]

    private func answer(_ request: ServeRequest) async throws -> ServeResponse {
        let answer = try SegmentationAnswer(for: request)
        let image = try await request.image(isUpright: options.isUpright, limits: options.limits)
        return try answer.response(with: try await segment(image), of: image, classes: classes())
    }
}

extension SegFormer {
    /// A reference to a deployment of a model that is named by text: see ``init(model:variant:options:)``.
    ///
    /// - Parameters:
    ///   - model: the path of a folder, or the name of a repository, `owner/name`.
    ///   - revision: a branch, tag or commit of the repository.
    ///   - variant: which ONNX file to use when there are several.
    ///   - options: how the model runs and which pictures it takes.
    public static func bind(
        model: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        options: SegFormerOptions = SegFormerOptions()
    ) -> SegFormer {
        bind(model: ModelName(model, revision: revision), variant: variant, options: options)
    }
}

extension SegFormer.Configured {
    /// The same with other deployment options: see ``SegFormer/bind(model:revision:variant:options:)``.
    public func bind(
        model: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        options: SegFormerOptions = SegFormerOptions()
    ) -> SegFormer {
        bind(model: ModelName(model, revision: revision), variant: variant, options: options)
    }
}
