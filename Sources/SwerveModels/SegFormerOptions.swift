public import SwerveONNX
public import SwerveVision

/// How a ``SegFormer`` runs, and which pictures it takes.
public struct SegFormerOptions: Hashable, Sendable, Codable {
    /// The threads that one run uses; 0 lets ONNX Runtime choose, one per core.
    public var threads: Int
    /// How many runs may execute side by side in a replica: one picture is prepared while the model works on another.
    public var concurrentRuns: Int
    /// How many runs may wait in a replica; one more fails with ``ONNXError/Code/queueFull``, HTTP 503.
    public var queueLimit: Int
    /// What may run the model, best first.
    public var providers: [ONNXProvider]
    /// Whether pictures in requests are turned as their metadata says before they are segmented.
    public var isUpright: Bool
    /// What pictures in requests may ask for.
    public var limits: ImageLimits

    /// - Parameters:
    ///   - threads: one per core unless said otherwise.
    ///   - concurrentRuns: 2 unless said otherwise.
    ///   - queueLimit: 64 unless said otherwise.
    ///   - providers: CUDA where it is there, else the CPU, unless said otherwise.
    ///   - isUpright: no unless said otherwise, as Hugging Face's pipelines for arrays.
    ///   - limits: see ``ImageLimits``.
    public init(
        threads: Int = 0,
        concurrentRuns: Int = 2,
        queueLimit: Int = 64,
        providers: [ONNXProvider] = [.cuda(), .cpu],
        isUpright: Bool = false,
        limits: ImageLimits = ImageLimits()
    ) {
        self.threads = threads
        self.concurrentRuns = concurrentRuns
        self.queueLimit = queueLimit
        self.providers = providers
        self.isUpright = isUpright
        self.limits = limits
    }

    var session: ONNXSessionOptions {
        ONNXSessionOptions(
            intraOpThreads: threads,
            providers: providers,
            concurrentRuns: concurrentRuns,
            queueLimit: queueLimit
        )
    }
}
