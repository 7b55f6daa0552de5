package import SwerveTensor
public import SwerveVision

/// A SegFormer model: finds the class of each pixel of an image.
///
/// The session's threads prepare the image, run the model and scale up its output.
public final class SegFormerModel: Sendable {
    /// How to prepare images, and the names of the classes.
    public let configuration: SegFormerConfiguration
    /// The model itself.
    public let session: ONNXSession

    private let ports: SegFormerPorts
    private let origin: Origin

    /// Where a model came from.
    struct Origin {
        /// The folder or repository that was asked for; empty for a session.
        var name = ""
        /// The commit of the repository; nil for a folder.
        var commit: String?
        /// The ONNX file, relative to the folder; empty for a session.
        var file = ""
    }

    /// What the model is and how it runs. A model that was made from a session has an empty name and file.
    public var details: SegFormerDescription { SegFormerDescription(self, origin) }

    /// The colours of the classes: the configuration's, or else distinct ones.
    public var palette: Palette { configuration.palette ?? .distinct }

    /// The name and the colour of each class, for a legend.
    public var legend: [LegendEntry] {
        let colors = palette.colors
        return configuration.labels.enumerated().map { LegendEntry(name: $1, color: colors[$0 % colors.count]) }
    }

    /// - Parameters:
    ///   - session: a model with one input and one output of four dimensions, `float32` or `float16`. If several
    ///     outputs qualify, the one named `logits` is used.
    ///   - configuration: how to prepare images, and the names of the classes. It must agree with the sizes and the
    ///     number of classes that the model fixes.
    /// - Throws: ``ONNXError`` with code `invalidModel` when the model is not a SegFormer or contradicts the
    ///   configuration, `unsupportedType` for `float16` on a machine without it.
    public convenience init(session: ONNXSession, configuration: SegFormerConfiguration) throws {
        try self.init(session: session, configuration: configuration, origin: Origin())
    }

    init(session: ONNXSession, configuration: SegFormerConfiguration, origin: Origin) throws {
        ports = try SegFormerPorts(inputs: session.inputs, outputs: session.outputs, configuration: configuration)
        self.session = session
        self.configuration = configuration
        self.origin = origin
    }

    /// Computes the logits of prepared pixel values, a `float32` tensor of shape `[1, 3, height, width]`.
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

    /// Finds the class of each pixel of an image.
    ///
    /// - Parameter image: an image of any size and number of channels.
    /// - Returns: a map of the same size as the image.
    /// - Throws: ``ONNXError`` with code `queueFull` or `runFailed`, or `invalidInput` when images are not resized and
    ///   the model does not accept this size; `CancellationError` when the task is cancelled, see
    ///   ``ONNXSession/run(_:)``.
    public func segment(_ image: Image) async throws -> SegmentationMap {
        try await maps(of: [image])[0]
    }

    /// Finds the class of each pixel of images, in one run of the model.
    func maps(of images: [Image]) async throws -> [SegmentationMap] {
        let preprocessor = SegFormerPreprocessor(configuration)
        let (ports, classes) = (ports, configuration.labels.count)
        return try await session.run(
            preparing: {
                let tensors = try images.map { try preprocessor.tensor(of: $0).converted(forInput: ports.inputType) }
                return [ports.inputName: try tensors.count == 1 ? tensors[0] : Tensor.concatenated(tensors, axis: 0)]
            },
            read: { outputs in
                let logits = outputs[ports.outputIndex]
                guard logits.shape.count == 4, logits.shape[0] == images.count, logits.shape[1] == classes else {
                    throw ONNXError(
                        .runFailed,
                        "the logits of \(images.count) pictures have shape \(logits.shape) for \(classes) classes"
                    )
                }
                return try SegFormerPostprocessor().maps(output: logits, of: images)
            }
        )
    }
}
