extension DeploymentOptions {
    /// How new replicas replace old ones when a deploy changes the revision.
    ///
    /// | rule | replicas beyond the target | replicas fewer than the target | calls go to |
    /// |---|---|---|---|
    /// | ``startFirst`` | as many as the target | none | the old ones until all new ones are ready |
    /// | ``rolling(maxSurge:maxUnavailable:)`` | `maxSurge` | `maxUnavailable` | old and new ones side by side |
    /// | ``stopFirst`` | none | all | nobody until a new one is ready; they wait |
    ///
    /// The numbers mean the same as in a Kubernetes deployment. An old replica that dies during the rollout is replaced
    /// by one of its own version while too few others serve. Changing only the rule replaces no replica.
    ///
    /// When new replicas fail, the rollout pauses, and the old ones serve and heal. After min(20, 3 × target) failures,
    /// or without progress for ``DeploymentOptions/progressDeadline``, the last healthy version is brought back, under its
    /// own rule.
    public struct Rollout: Hashable, Sendable, Codable, CustomStringConvertible {
        /// A number of replicas, or a share of the target count.
        public struct Amount: Hashable, Sendable, Codable, ExpressibleByIntegerLiteral, CustomStringConvertible {
            private enum Unit: String, Codable { case count, percent }
            private let value: Int
            private let unit: Unit

            /// A number of replicas, from 0 to ``DeploymentOptions/maximumReplicas``. An integer literal means the
            /// same.
            public static func count(_ replicas: Int) -> Amount { Amount(value: replicas, unit: .count) }
            /// A percentage of the target, from 0 to 100.
            public static func percent(_ share: Int) -> Amount { Amount(value: share, unit: .percent) }

            private init(value: Int, unit: Unit) {
                self.value = value
                self.unit = unit
            }
            public init(integerLiteral value: Int) {
                self.init(value: value, unit: .count)
            }
            public var description: String { unit == .percent ? "\(value)%" : "\(value)" }

            /// The number of replicas for this `target`; a share is rounded up or down.
            package func replicas(of target: Int, roundedUp: Bool) -> Int {
                switch unit {
                case .count: value
                case .percent: (value * target + (roundedUp ? 99 : 0)) / 100
                }
            }

            fileprivate var isZero: Bool { value == 0 }

            fileprivate func problem(_ name: String) -> String? {
                let most = unit == .percent ? 100 : DeploymentOptions.maximumReplicas
                if (0...most).contains(value) { return nil }
                return "rollout: \(name) is \(self); it must be from 0 to \(Amount(value: most, unit: unit))"
            }
        }

        /// How many replicas beyond the target may exist during the rollout. A share is rounded up.
        ///
        /// When it is 0, an old replica counts until it is gone, so that its resources are free before the new one
        /// starts. Otherwise an old replica stops counting once it drains or stops.
        public let maxSurge: Amount
        /// How many replicas below the target may be serving during the rollout. A share is rounded down. When both
        /// amounts come to zero replicas, one may be missing.
        public let maxUnavailable: Amount
        /// Whether new replicas take requests only once all of them are ready, rather than each as soon as it is ready.
        public let servesTogether: Bool

        /// All new replicas start beside the old ones, and calls move over once all of them are ready. No caller meets
        /// two versions and capacity never drops, but the rollout needs twice the resources for a while. The default.
        public static let startFirst = Rollout(maxSurge: .percent(100), maxUnavailable: 0, servesTogether: true)

        /// The old replicas stop at once, and a new one starts whenever an old one is gone. For resources that do not
        /// fit twice, such as a GPU's memory. Calls wait in between. Like `Recreate` in Kubernetes.
        public static let stopFirst = Rollout(maxSurge: 0, maxUnavailable: .percent(100), servesTogether: false)

        /// New replicas take requests as they become ready, and one old replica leaves for each: two versions serve
        /// side by side for a while. Like `RollingUpdate` in Kubernetes, with the same defaults.
        ///
        /// - Parameters:
        ///   - maxSurge: how many replicas beyond the target may exist; 25 % by default, rounded up.
        ///   - maxUnavailable: how many replicas below the target may be serving; 25 % by default, rounded down. One of
        ///     the two must be more than 0.
        public static func rolling(maxSurge: Amount = .percent(25), maxUnavailable: Amount = .percent(25)) -> Rollout {
            Rollout(maxSurge: maxSurge, maxUnavailable: maxUnavailable, servesTogether: false)
        }

        public var description: String {
            switch self {
            case .startFirst: "startFirst"
            case .stopFirst: "stopFirst"
            default: "rolling(maxSurge: \(maxSurge), maxUnavailable: \(maxUnavailable))"
            }
        }

        /// What is wrong with the rule, or `nil`.
        package func problem() -> String? {
            if let problem = maxSurge.problem("maxSurge") ?? maxUnavailable.problem("maxUnavailable") { return problem }
            guard maxSurge.isZero, maxUnavailable.isZero else { return nil }
            return "rollout: maxSurge and maxUnavailable are both 0, so no replica could ever be replaced; "
                + "at least one must be more than 0"
        }
    }
}
