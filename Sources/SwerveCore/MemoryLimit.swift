/// How a replica's memory is limited to what it reserved.
public struct MemoryLimit: Hashable, Sendable, Codable, CustomStringConvertible {
    /// What enforces a limit. Open: later versions may add kinds.
    public struct Enforcement: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// A control group of the replica's own: the kernel kills the replica when it uses more.
        public static let controlGroup = Enforcement("controlGroup")
        /// A limit of the process (`RLIMIT_DATA`): the replica is refused more memory, and most then end. What its
        /// process uses before the replica's initialiser runs comes on top.
        public static let process = Enforcement("process")
        /// Nothing: see ``MemoryLimit/reason``.
        public static let none = Enforcement("none")
    }

    public var bytes: Int
    public var enforcement: Enforcement
    /// Why the limit is not enforced; empty if it is.
    public var reason: String

    public init(bytes: Int, enforcement: Enforcement, reason: String = "") {
        self.bytes = bytes
        self.enforcement = enforcement
        self.reason = reason
    }

    public var description: String {
        let mebibytes = "\(bytes / (1 << 20)) MiB"
        return enforcement == .none ? "\(mebibytes), not enforced: \(reason)" : "\(mebibytes), by \(enforcement)"
    }
}
