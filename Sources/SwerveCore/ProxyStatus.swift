/// The status of a process that takes HTTP requests.
public struct ProxyStatus: Hashable, Sendable, Codable {
    /// A stage in a proxy's life. More may be added, so a `switch` needs a `default`.
    public struct State: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// Its process is starting; it takes no connections yet.
        public static let starting = State("starting")
        /// It takes connections.
        public static let serving = State("serving")
        /// It takes no new connections, and finishes the requests of those that it has.
        public static let draining = State("draining")
    }

    /// Counts the instance's proxies, from 1.
    public var number: UInt64
    public var state: State
    /// `nil` until the process exists.
    public var processID: Int32?

    public init(number: UInt64, state: State, processID: Int32? = nil) {
        self.number = number
        self.state = state
        self.processID = processID
    }
}
