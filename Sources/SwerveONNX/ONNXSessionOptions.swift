/// How a session runs a model.
public struct ONNXSessionOptions: Hashable, Sendable, Codable {
    /// How much a model is rewritten for speed when it is loaded.
    public struct OptimizationLevel: Hashable, Sendable, Codable {
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

    /// Where the weights of a model lie that runs on the CPU.
    public struct Weights: Hashable, Sendable, Codable, CustomStringConvertible {
        private enum Kind: String, Codable { case own, shared, sharedUnpacked }
        private let kind: Kind
        /// In the memory of each process. The default.
        public static let own = Weights(kind: .own)
        /// In a file that all processes of the machine map: they share its pages.
        ///
        /// The first session converts the model, once, into ``ONNXSessionOptions/cacheFolder``; from then on it also loads
        /// faster. Weights that the operators want in another order are in the file both ways.
        public static let shared = Weights(kind: .shared)
        /// Like ``shared``, and the operators must take the weights as they are: the least memory, and slower products of
        /// matrices.
        public static let sharedUnpacked = Weights(kind: .sharedUnpacked)
        public var description: String { kind.rawValue }
    }

    /// The threads that share the work of one operator; 0 means the fair share of the replica, see ``ThreadShare``.
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
    /// The names of the outputs that are wanted; all when empty. The others are not passed out, and not computed where the
    /// model allows it.
    public var outputs: [String]
    /// Where the weights lie; it counts for models in files, on the CPU.
    public var weights: Weights
    /// The folder for converted models and recorded shapes; nil means `$SWERVE_CACHE`, else `swerve` in `$XDG_CACHE_HOME`
    /// or in `~/.cache`.
    public var cacheFolder: String?
    /// Entries of the configuration of the session, passed on as they are; ONNX Runtime documents them.
    public var configuration: [String: String]

    /// - Parameters:
    ///   - intraOpThreads: the replica's fair share unless said otherwise.
    ///   - interOpThreads: 1 unless said otherwise.
    ///   - providers: the CPU unless said otherwise.
    ///   - allowSpinning: no unless said otherwise, since servers share their cores.
    ///   - optimizationLevel: everything unless said otherwise.
    ///   - concurrentRuns: 1 unless said otherwise.
    ///   - queueLimit: 64 unless said otherwise.
    ///   - outputs: all unless said otherwise.
    ///   - weights: each process its own unless said otherwise.
    ///   - cacheFolder: that of the user unless said otherwise.
    ///   - configuration: nothing unless said otherwise.
    public init(
        intraOpThreads: Int = 0,
        interOpThreads: Int = 1,
        providers: [ONNXProvider] = [.cpu],
        allowSpinning: Bool = false,
        optimizationLevel: OptimizationLevel = .all,
        concurrentRuns: Int = 1,
        queueLimit: Int = 64,
        outputs: [String] = [],
        weights: Weights = .own,
        cacheFolder: String? = nil,
        configuration: [String: String] = [:]
    ) {
        self.intraOpThreads = intraOpThreads
        self.interOpThreads = interOpThreads
        self.providers = providers
        self.allowSpinning = allowSpinning
        self.optimizationLevel = optimizationLevel
        self.concurrentRuns = concurrentRuns
        self.queueLimit = queueLimit
        self.outputs = outputs
        self.weights = weights
        self.cacheFolder = cacheFolder
        self.configuration = configuration
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
        guard Set(outputs).count == outputs.count else {
            throw ONNXError(.invalidArgument, "outputs names one twice: \(outputs.joined(separator: ", "))")
        }
    }
}
