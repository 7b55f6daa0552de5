public import SwerveONNX
public import SwerveVision

/// How a ``SegFormer`` runs, and which pictures it takes.
public struct SegFormerOptions: Hashable, Sendable, Codable {
    /// How the model runs.
    public var session: ONNXSessionOptions
    /// Whether pictures in requests are turned as their metadata says before they are segmented.
    public var isUpright: Bool
    /// What pictures in requests may ask for.
    public var limits: ImageLimits

    /// - Parameters:
    ///   - session: ``defaultSession`` unless said otherwise.
    ///   - isUpright: no unless said otherwise, as in Pillow.
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

    /// CUDA where it is there, else the CPU; two runs side by side, so that one picture is prepared while the model works on
    /// another.
    public static let defaultSession = ONNXSessionOptions(providers: [.cuda(), .cpu], concurrentRuns: 2)
}
