extension DeploymentOptions {
    /// How new replicas take the place of old ones when a deploy changes what replicas are made of.
    ///
    /// | rule | replicas beyond the target | replicas fewer than the target | calls go to |
    /// |---|---|---|---|
    /// | ``startFirst`` | as many as the target | none | the old ones until all new ones are ready |
    /// | ``rolling(maxSurge:maxUnavailable:)`` | `maxSurge` | `maxUnavailable` | old and new ones side by side |
    /// | ``stopFirst`` | none | all | nobody until a new one is ready; they wait |
    ///
    /// The numbers mean what they mean in a Kubernetes deployment. Replicas that end by themselves are beside the count:
    /// an old one that dies during the change is not replaced. A change of the rule alone replaces no replica.
    ///
    /// When new replicas fail, the change stands still and the old ones that are left serve on; after
    /// min(20, 3 × target) failures the last version that was healthy is brought back, by its own rule.
    public struct Rollout: Hashable, Sendable, Codable, CustomStringConvertible {
        /// A number of replicas, or a share of the target count.
        public struct Amount: Hashable, Sendable, Codable, ExpressibleByIntegerLiteral, CustomStringConvertible {
            private enum Unit: String, Codable { case count, percent }
            private let value: Int
            private let unit: Unit

            /// So many replicas, from 0 to ``DeploymentOptions/maximumReplicas``. An integer literal means the same.
            public static func count(_ replicas: Int) -> Amount { Amount(value: replicas, unit: .count) }
            /// So many of a hundred replicas of the target, from 0 to 100.
            public static func percent(_ share: Int) -> Amount { Amount(value: share, unit: .percent) }

            private init(value: Int, unit: Unit) {
                self.value = value
                self.unit = unit
            }
            public init(integerLiteral value: Int) {
                self.init(value: value, unit: .count)
            }
            public var description: String { unit == .percent ? "\(value)%" : "\(value)" }

            /// The number of replicas when `target` are wanted; shares are rounded up or down.
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

        /// How many replicas beyond the target may exist during the change. Shares are rounded up.
        ///
        /// When it is 0, an old replica keeps its place until it is gone, so that what it holds is free for the new one.
        /// Otherwise one that drains or stops no longer counts.
        public let maxSurge: Amount
        /// How many replicas fewer than the target may serve during the change. Shares are rounded down. When both amounts
        /// come to no replica at all, one may be missing.
        public let maxUnavailable: Amount
        /// Whether new replicas take requests only when all of them are ready, rather than each as soon as it is.
        public let servesTogether: Bool

        /// All new replicas start beside the old ones, and calls move when all of them are ready: no caller meets two
        /// versions, and nothing is missing at any time. It takes twice the resources for a while. The default.
        public static let startFirst = Rollout(maxSurge: .percent(100), maxUnavailable: 0, servesTogether: true)

        /// The old replicas go at once, and a new one starts when an old one is gone, for resources that do not fit twice,
        /// such as a GPU's memory. Calls wait in between. Like `Recreate` in Kubernetes.
        public static let stopFirst = Rollout(maxSurge: 0, maxUnavailable: .percent(100), servesTogether: false)

        /// New replicas take requests as they become ready, and old ones leave one for one: two versions serve side by
        /// side for a while. Like `RollingUpdate` in Kubernetes, with the same defaults.
        ///
        /// - Parameters:
        ///   - maxSurge: how many replicas beyond the target may exist; 25 % by default, rounded up.
        ///   - maxUnavailable: how many replicas fewer than the target may serve; 25 % by default, rounded down. One of
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
