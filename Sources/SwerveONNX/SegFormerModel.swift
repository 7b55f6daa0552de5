package import SwerveTensor
public import SwerveVision

/// A SegFormer model: finds the class of each pixel of an image.
///
/// Preparing the image, running the model and scaling its output up all happen on the threads of the session.
public final class SegFormerModel: Sendable {
    /// How images are prepared, and what the classes are called.
    public let configuration: SegFormerConfiguration
    /// The model itself.
    public let session: ONNXSession

    private let ports: SegFormerPorts

    /// Colours for the classes: those of the configuration, else distinct ones.
    public var palette: Palette { configuration.palette ?? .distinct }

    /// The name and the colour of each class, as a legend shows them.
    public var legend: [LegendEntry] {
        let colors = palette.colors
        return configuration.labels.enumerated().map { LegendEntry(name: $1, color: colors[$0 % colors.count]) }
    }

    /// - Parameters:
    ///   - session: a model with one input and an output of four dimensions, `float32` or `float16`; when there are several
    ///     such outputs, the one named `logits`.
    ///   - configuration: how images are prepared, and what the classes are called. Where the model fixes its sizes or the
    ///     number of its classes, it must agree.
    /// - Throws: ``ONNXError`` with code `invalidModel` when the model is of another kind or contradicts the configuration,
    ///   `unsupportedType` for `float16` on a machine without it.
    public init(session: ONNXSession, configuration: SegFormerConfiguration) throws {
        ports = try SegFormerPorts(inputs: session.inputs, outputs: session.outputs, configuration: configuration)
        self.session = session
        self.configuration = configuration
    }

    /// Loads a folder with `config.json`, `preprocessor_config.json` and an ONNX file, at the root or in `onnx/`.
    ///
    /// - Parameters:
    ///   - folder: the path of the folder.
    ///   - variant: which ONNX file when there are several; `model.onnx` by default.
    ///   - runtime: the library that runs the model.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError``; `CancellationError`.
    public static func load(
        folder: String,
        variant: ONNXVariant = .standard,
        runtime: ONNXRuntime,
        options: ONNXSessionOptions = ONNXSessionOptions()
    ) async throws -> SegFormerModel {
        try await BlockingThread(queueLimit: 1).run {
            let files = try ONNXModelFiles(variant, in: folder)
            let configuration = try SegFormerConfiguration(folder: folder)
            let session = try ONNXSession(.path("\(folder)/\(files.model)"), runtime: runtime, options: options)
            return try SegFormerModel(session: session, configuration: configuration)
        }
    }

    /// The logits of pixel values that are prepared already, a `float32` tensor of the shape `[1, 3, height, width]`.
    package func logits(of pixelValues: Tensor) async throws -> Tensor {
        let ports = ports
        return try await session.run(
            preparing: { [ports.inputName: try pixelValues.converted(forInput: ports.inputType)] },
            read: { outputs in
                let logits = outputs[ports.outputIndex]
                return try logits.withFloats { try Tensor(shape: logits.shape, values: Array($0)) }
            }
        )
    }

    /// The class of each pixel of an image.
    ///
    /// - Parameter image: of any size and number of channels.
    /// - Returns: a map of the size of the image.
    /// - Throws: ``ONNXError`` with code `queueFull` or `runFailed`, `invalidInput` when images are not resized and the
    ///   model cannot take this size; `CancellationError` when the task is cancelled, see
    ///   ``ONNXSession/run(_:)``.
    public func segment(_ image: Image) async throws -> SegmentationMap {
        let preprocessor = SegFormerPreprocessor(configuration)
        let (ports, classes) = (ports, configuration.labels.count)
        return try await session.run(
            preparing: { [ports.inputName: try preprocessor.tensor(of: image).converted(forInput: ports.inputType)] },
            read: { outputs in
                let logits = outputs[ports.outputIndex]
                guard logits.shape.count == 4, logits.shape[1] == classes else {
                    throw ONNXError(.runFailed, "logits of the shape \(logits.shape) for \(classes) classes")
                }
                return try SegFormerPostprocessor().map(output: logits, width: image.width, height: image.height)
            }
        )
    }
}
