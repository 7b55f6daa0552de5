/// How far the start of a replica has come, and when it reached each phase.
///
/// All times count from the controller's decision to start the replica, which it takes once the resources are there.
/// So a replica that waits for resources has no entry, and its deployment's message says what is missing.
public struct StartUp: Hashable, Sendable, Codable {
    /// What a starting replica waits for. Open: later versions may add phases.
    public struct Phase: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// It has no place yet.
        public static let placing = Phase("placing")
        /// It has a place, and its process does not exist yet.
        public static let spawning = Phase("spawning")
        /// Its process exists and has not connected to the controller yet: no user code has run.
        public static let connecting = Phase("connecting")
        /// Its initialiser, `reconfigure` or first `checkHealth` is running.
        public static let loading = Phase("loading")
        /// It has become ready.
        public static let ready = Phase("ready")
    }

    /// When it had a place.
    public var placed: Duration?
    /// When its process existed.
    public var spawned: Duration?
    /// When its process had connected to the controller, and loading began.
    public var connected: Duration?
    /// When it was ready.
    public var ready: Duration?

    public init(
        placed: Duration? = nil,
        spawned: Duration? = nil,
        connected: Duration? = nil,
        ready: Duration? = nil
    ) {
        self.placed = placed
        self.spawned = spawned
        self.connected = connected
        self.ready = ready
    }

    /// The phase that it is in.
    public var phase: Phase {
        if ready != nil { return .ready }
        if connected != nil { return .loading }
        if spawned != nil { return .connecting }
        return placed == nil ? .placing : .spawning
    }

    /// When the present phase began.
    public var since: Duration { ready ?? connected ?? spawned ?? placed ?? .zero }
}
