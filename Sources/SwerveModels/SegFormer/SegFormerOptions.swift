public import SwerveONNX
public import SwerveVision

/// How a ``SegFormer`` runs, and which pictures it accepts.
public struct SegFormerOptions: Hashable, Sendable, Codable {
    /// How the model runs.
    public var session: ONNXSessionOptions
    /// Whether to turn pictures in requests upright, according to their metadata, before segmenting them.
    public var isUpright: Bool
    /// The limits on pictures in requests.
    public var limits: ImageLimits

    /// - Parameters:
    ///   - session: ``defaultSession`` by default.
    ///   - isUpright: false by default, as in Pillow.
    ///   - limits: see `ImageLimits`.
    public init(
        session: ONNXSessionOptions = SegFormerOptions.defaultSession,
        isUpright: Bool = false,
        limits: ImageLimits = ImageLimits()
    ) {
        self.session = session
        self.isUpright = isUpright
        self.limits = limits
    }

    /// Runs on CUDA where available, else on the CPU. Has two concurrent runs, so that one picture is prepared while
    /// the model works on another.
    public static let defaultSession = ONNXSessionOptions(providers: [.cuda(), .cpu], concurrentRuns: 2)

    /// Runs on the fastest engine that is installed: CUDA, OpenVINO in `bf16`, OpenVINO in `f32`, or ONNX Runtime on the CPU.
    ///
    /// In `bf16` a few pixels at the edges of objects get another class: of the example's model, the mean IoU stays within
    /// 0.005 of that in 32 bits. `docs/SEGFORMER.md` has the figures.
    public static let fastSession = ONNXSessionOptions(
        providers: [.cuda(), .openVINO(precision: .bf16), .openVINO(precision: .f32), .cpu],
        concurrentRuns: 2
    )
}
