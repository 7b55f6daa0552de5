internal import SwerveTensor
public import SwerveVision

/// A SegFormer model: finds the class of each pixel of an image.
///
/// Preparing the image, running the model and scaling its output up all happen on the threads of the session.
public final class SegFormerModel: Sendable {
    /// How images are prepared, and what the classes are called.
    public let configuration: SegFormerConfiguration
    /// The model itself.
    public let session: ONNXSession

    private let inputName: String
    private let outputIndex: Int

    /// Colours for the classes: those of the configuration, else distinct ones.
    public var palette: Palette { configuration.palette ?? .distinct }

    /// - Parameters:
    ///   - session: a model with one `float32` input of four dimensions and an output of four dimensions; when there are
    ///     several, the one named `logits`.
    ///   - configuration: how images are prepared, and what the classes are called.
    /// - Throws: ``ONNXError`` with code `invalidModel` when the model is of another kind.
    public init(session: ONNXSession, configuration: SegFormerConfiguration) throws {
        guard session.inputs.count == 1, let input = session.inputs.first else {
            throw ONNXError(.invalidModel, "a SegFormer model has 1 input, this one has \(session.inputs.count)")
        }
        guard input.elementType == .float32, input.dimensions.count == 4 else {
            throw ONNXError(.invalidModel, "the input of a SegFormer model is float32 of 4 dimensions, not \(input)")
        }
        let candidates = session.outputs.indices.filter {
            session.outputs[$0].elementType == .float32 && session.outputs[$0].dimensions.count == 4
        }
        guard let outputIndex = candidates.first(where: { session.outputs[$0].name == "logits" }) ?? candidates.first
        else {
            throw ONNXError(.invalidModel, "no output is float32 of 4 dimensions: \(session.outputs)")
        }
        if let classes = session.outputs[outputIndex].dimensions[1].size, classes != configuration.labels.count {
            throw ONNXError(
                .invalidModel,
                "the model has \(classes) classes, config.json names \(configuration.labels.count)"
            )
        }
        self.session = session
        self.configuration = configuration
        self.outputIndex = outputIndex
        inputName = input.name
    }

    /// Loads a folder with `model.onnx` (or `onnx/model.onnx`), `config.json` and `preprocessor_config.json`.
    ///
    /// - Parameters:
    ///   - folder: the path of the folder.
    ///   - runtime: the library that runs the model.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError``; `CancellationError`.
    public static func load(
        folder: String,
        runtime: ONNXRuntime,
        options: ONNXSessionOptions = ONNXSessionOptions()
    ) async throws -> SegFormerModel {
        try await BlockingThread(queueLimit: 1).run {
            let paths = [folder + "/model.onnx", folder + "/onnx/model.onnx"]
            guard let path = paths.first(where: Files.isFile) else {
                throw ONNXError(.notFound, "there is no model: neither \(paths.joined(separator: " nor "))")
            }
            let configuration = try SegFormerConfiguration(folder: folder)
            let session = try ONNXSession(.path(path), runtime: runtime, options: options)
            return try SegFormerModel(session: session, configuration: configuration)
        }
    }

    /// The class of each pixel of an image.
    ///
    /// - Parameter image: of any size and number of channels.
    /// - Returns: a map of the size of the image.
    /// - Throws: ``ONNXError`` with code `queueFull` or `runFailed`; `CancellationError` when the task is cancelled, see
    ///   ``ONNXSession/run(_:)``.
    public func segment(_ image: Image) async throws -> SegmentationMap {
        let preprocessor = SegFormerPreprocessor(configuration)
        let (inputName, outputIndex, classes) = (inputName, outputIndex, configuration.labels.count)
        return try await session.run(
            preparing: { [inputName: try preprocessor.tensor(of: image)] },
            read: { outputs in
                let logits = outputs[outputIndex]
                guard logits.shape.count == 4, logits.shape[1] == classes else {
                    throw ONNXError(.runFailed, "logits of the shape \(logits.shape) for \(classes) classes")
                }
                return try SegFormerPostprocessor().map(output: logits, width: image.width, height: image.height)
            }
        )
    }
}
