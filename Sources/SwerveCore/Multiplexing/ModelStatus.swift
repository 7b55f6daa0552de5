/// A model that a replica with a `@Multiplexed` loader has.
public struct ModelStatus: Hashable, Sendable, Codable {
    /// Whether requests can use a model. Open: later versions may add states.
    public struct State: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// It is being loaded, or waits until there is room for it.
        public static let loading = State("loading")
        /// Requests can use it.
        public static let loaded = State("loaded")
    }

    public var id: String
    public var state: State
    /// How long it took to load; `nil` while it is loading.
    public var loadTime: Duration?

    public init(id: String, state: State, loadTime: Duration? = nil) {
        self.id = id
        self.state = state
        self.loadTime = loadTime
    }
}

/// The models that a replica has, as it reports them to its callers and to the controller.
public struct ReplicaModels: Hashable, Sendable, Codable {
    /// How many models it may have.
    public var maxModels: Int
    /// Sorted by ID.
    public var models: [ModelStatus]
    /// Counts the reports, so that a late one changes nothing.
    package var number: UInt64

    public init(maxModels: Int, models: [ModelStatus]) {
        self.init(maxModels: maxModels, models: models, number: 0)
    }

    package init(maxModels: Int, models: [ModelStatus], number: UInt64) {
        self.maxModels = maxModels
        self.models = models
        self.number = number
    }
}
