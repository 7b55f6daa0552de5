/// How many replicas a deployment should have, and who decided so.
///
/// A deploy decides it from ``DeploymentOptions/numReplicas``. Whoever scales the deployment later decides another, which
/// holds until the next deploy or the next decision.
public struct Target: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Who decided a target. Open: later versions may add others.
    public struct Decider: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// A person or a program, by deploying or scaling.
        public static let user = Decider(rawValue: "user")
        /// A policy that watches the load.
        public static let policy = Decider(rawValue: "policy")
    }

    /// The number of replicas, from 0 to ``DeploymentOptions/maximumReplicas``.
    public var replicas: Int
    public var decidedBy: Decider

    public init(replicas: Int, decidedBy: Decider = .user) {
        self.replicas = replicas
        self.decidedBy = decidedBy
    }

    public var description: String { "\(replicas), decided by \(decidedBy)" }
}
