/// How many replicas a deployment should have, and who decided that.
///
/// A deploy sets it from ``DeploymentOptions/numReplicas``. Scaling the deployment sets another, which holds until the
/// next deploy or the next scaling.
public struct Target: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Who decided a target. Open: later versions may add deciders.
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
    /// Why a policy decided so; empty for a user's decision.
    public var reason: String

    public init(replicas: Int, decidedBy: Decider = .user, reason: String = "") {
        self.replicas = replicas
        self.decidedBy = decidedBy
        self.reason = reason
    }

    public var description: String {
        "\(replicas), decided by \(decidedBy)" + (reason.isEmpty ? "" : ": \(reason)")
    }
}
