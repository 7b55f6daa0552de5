/// The resources that one replica needs on its node: CPUs, GPUs (fractions allowed) and resources that the user names.
///
/// Amounts are stored as ten-thousandths, so sums of fractions are exact: three replicas of 0.3 GPU and one of 0.1 fill
/// a GPU without rounding drift.
public struct Resources: Hashable, Sendable, Codable, CustomStringConvertible {
    /// An exact amount of a resource in steps of 1/10 000.
    public struct Amount: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
        public var tenThousandths: Int64

        public init(tenThousandths: Int64) {
            self.tenThousandths = tenThousandths
        }

        /// Rounds to the nearest 1/10 000. NaN and values out of range become -1/10 000, which validation refuses.
        public init(_ value: Double) {
            let scaled = (value * 10_000).rounded()
            self.tenThousandths = Int64(exactly: scaled) ?? -1
        }

        public var value: Double { Double(tenThousandths) / 10_000 }
        public var description: String {
            tenThousandths % 10_000 == 0 ? "\(tenThousandths / 10_000)" : "\(value)"
        }
        public static func < (left: Amount, right: Amount) -> Bool { left.tenThousandths < right.tenThousandths }
    }

    public var cpus: Amount
    public var gpus: Amount
    public var custom: [String: Amount]

    /// - Parameters:
    ///   - cpus: processor cores, 1 by default.
    ///   - gpus: graphics processors, 0 by default; 0.3 lets three replicas share one.
    ///   - custom: amounts of resources that nodes declare by name, such as `["licence": 1]`.
    public init(cpus: Double = 1, gpus: Double = 0, custom: [String: Double] = [:]) {
        self.cpus = Amount(cpus)
        self.gpus = Amount(gpus)
        self.custom = custom.mapValues(Amount.init)
    }

    public var description: String {
        let named = custom.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return (["cpus: \(cpus)", "gpus: \(gpus)"] + named).joined(separator: ", ")
    }

    package func problem() -> String? {
        for (name, amount) in [("cpus", cpus), ("gpus", gpus)] + custom.sorted(by: { $0.key < $1.key })
        where amount.tenThousandths < 0 {
            return "resources: '\(name)' must be a number of at least 0"
        }
        return nil
    }
}
