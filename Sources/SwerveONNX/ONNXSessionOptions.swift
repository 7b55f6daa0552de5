/// How a session runs a model.
public struct ONNXSessionOptions: Hashable, Sendable {
    /// How much a model is rewritten for speed when it is loaded.
    public struct OptimizationLevel: Hashable, Sendable {
        let rawValue: Int32

        /// Not at all.
        public static let none = OptimizationLevel(rawValue: 0)
        /// Constants are folded and useless operators removed.
        public static let basic = OptimizationLevel(rawValue: 1)
        /// Operators are fused, too.
        public static let extended = OptimizationLevel(rawValue: 2)
        /// Everything, also changes of layout.
        public static let all = OptimizationLevel(rawValue: 99)
    }

    /// The threads that share the work of one operator; 0 leaves the choice to ONNX Runtime, which takes one per core.
    public var intraOpThreads: Int
    /// The threads that run independent operators side by side; 0 leaves the choice to ONNX Runtime.
    public var interOpThreads: Int
    /// The providers to try, best first. The first that can run is used; an operator that it lacks runs on the CPU. When
    /// none can, the session is not made.
    public var providers: [ONNXProvider]
    /// Whether threads without work wait actively. That saves some microseconds and costs a core while idle.
    public var allowSpinning: Bool
    /// How much the model is rewritten when it is loaded.
    public var optimizationLevel: OptimizationLevel
    /// How many runs may execute side by side, each on a thread of its own.
    public var concurrentRuns: Int
    /// How many runs may wait for a thread. One more fails with ``ONNXError/Code/queueFull``.
    public var queueLimit: Int

    /// - Parameters:
    ///   - intraOpThreads: one per core unless said otherwise.
    ///   - interOpThreads: 1 unless said otherwise.
    ///   - providers: the CPU unless said otherwise.
    ///   - allowSpinning: no unless said otherwise, since servers share their cores.
    ///   - optimizationLevel: everything unless said otherwise.
    ///   - concurrentRuns: 1 unless said otherwise.
    ///   - queueLimit: 64 unless said otherwise.
    public init(
        intraOpThreads: Int = 0,
        interOpThreads: Int = 1,
        providers: [ONNXProvider] = [.cpu],
        allowSpinning: Bool = false,
        optimizationLevel: OptimizationLevel = .all,
        concurrentRuns: Int = 1,
        queueLimit: Int = 64
    ) {
        self.intraOpThreads = intraOpThreads
        self.interOpThreads = interOpThreads
        self.providers = providers
        self.allowSpinning = allowSpinning
        self.optimizationLevel = optimizationLevel
        self.concurrentRuns = concurrentRuns
        self.queueLimit = queueLimit
    }

    /// - Throws: ``ONNXError`` with code `invalidArgument`, naming the option.
    func validate() throws {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            guard range.contains(value) else {
                throw ONNXError(
                    .invalidArgument,
                    "\(name) is from \(range.lowerBound) to \(range.upperBound), not \(value)"
                )
            }
        }
        try check("intraOpThreads", intraOpThreads, 0...1024)
        try check("interOpThreads", interOpThreads, 0...1024)
        try check("concurrentRuns", concurrentRuns, 1...1024)
        try check("queueLimit", queueLimit, 0...1_000_000)
        guard !providers.isEmpty else { throw ONNXError(.invalidArgument, "providers is empty") }
    }
}
