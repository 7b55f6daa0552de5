/// How a session runs a model.
public struct ONNXSessionOptions: Hashable, Sendable, Codable {
    /// How much a model is rewritten for speed when it is loaded.
    public struct OptimizationLevel: Hashable, Sendable, Codable {
        let rawValue: Int32

        /// No rewriting.
        public static let none = OptimizationLevel(rawValue: 0)
        /// Folds constants and removes redundant operators.
        public static let basic = OptimizationLevel(rawValue: 1)
        /// Also fuses operators.
        public static let extended = OptimizationLevel(rawValue: 2)
        /// Everything, including layout changes.
        public static let all = OptimizationLevel(rawValue: 99)
    }

    /// Where the weights of a model on the CPU are stored.
    public struct Weights: Hashable, Sendable, Codable, CustomStringConvertible {
        private enum Kind: String, Codable { case own, shared, sharedUnpacked }
        private let kind: Kind
        /// In each process's own memory. The default.
        public static let own = Weights(kind: .own)
        /// In a file that all processes on the machine map, so that they share its pages.
        ///
        /// The first session converts the model once, into ``ONNXSessionOptions/cacheFolder``; after that it also loads
        /// faster. Weights that operators need in a different order are stored in the file in both orders.
        public static let shared = Weights(kind: .shared)
        /// Like ``shared``, but operators use the weights in their original order: this takes the least memory, and
        /// makes matrix products slower.
        public static let sharedUnpacked = Weights(kind: .sharedUnpacked)
        public var description: String { kind.rawValue }
    }

    /// The number of threads that share the work of one operator; 0 means the replica's fair share, see
    /// ``ThreadShare``.
    public var intraOpThreads: Int
    /// The number of threads that run independent operators in parallel; 0 lets ONNX Runtime choose.
    public var interOpThreads: Int
    /// The providers to try, best first. The first that can run the model is used; operators that it lacks run on the
    /// CPU. If none can, opening the session fails.
    public var providers: [ONNXProvider]
    /// Whether idle threads spin. This saves a few microseconds and costs a core while idle.
    public var allowSpinning: Bool
    /// How much to rewrite the model when it is loaded.
    public var optimizationLevel: OptimizationLevel
    /// How many runs may execute at the same time, each on its own thread.
    public var concurrentRuns: Int
    /// How many runs may wait for a thread. The next one fails with ``ONNXError/Code/queueFull``.
    public var queueLimit: Int
    /// The names of the outputs to return; empty for all. Other outputs are not returned and, where the model allows
    /// it, not computed.
    public var outputs: [String]
    /// Where the weights are stored. Only applies to models in files that run on the CPU.
    public var weights: Weights
    /// The folder for converted models and recorded shapes; nil means `$SWERVE_CACHE`, else `swerve` in `$XDG_CACHE_HOME`
    /// or in `~/.cache`, else a folder of this user in `/tmp`.
    public var cacheFolder: String?
    /// Session configuration entries, passed on unchanged; ONNX Runtime documents them.
    public var configuration: [String: String]

    /// - Parameters:
    ///   - intraOpThreads: the replica's fair share by default.
    ///   - interOpThreads: 1 by default.
    ///   - providers: the CPU by default.
    ///   - allowSpinning: false by default, because servers share their cores.
    ///   - optimizationLevel: `.all` by default.
    ///   - concurrentRuns: 1 by default.
    ///   - queueLimit: 64 by default.
    ///   - outputs: all by default.
    ///   - weights: each process has its own by default.
    ///   - cacheFolder: the user's cache folder by default.
    ///   - configuration: empty by default.
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
                    "\(name) must be from \(range.lowerBound) to \(range.upperBound), not \(value)"
                )
            }
        }
        try check("intraOpThreads", intraOpThreads, 0...1024)
        try check("interOpThreads", interOpThreads, 0...1024)
        try check("concurrentRuns", concurrentRuns, 1...1024)
        try check("queueLimit", queueLimit, 0...1_000_000)
        guard !providers.isEmpty else { throw ONNXError(.invalidArgument, "providers is empty") }
        guard Set(outputs).count == outputs.count else {
            throw ONNXError(.invalidArgument, "outputs has a name twice: \(outputs.joined(separator: ", "))")
        }
    }
}
