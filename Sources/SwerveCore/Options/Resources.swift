/// The resources that one replica reserves on its node: CPUs, GPUs (fractions allowed), memory, and resources that the
/// user names. By default nothing is reserved.
///
/// A replica starts only when its node has as much free; until then it is pending, and its deployment's status says
/// what is missing. The sum of all reservations never exceeds what a node has.
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

        public static let zero = Amount(tenThousandths: 0)
        /// One whole unit, such as one GPU.
        public static let one = Amount(tenThousandths: 10_000)

        public var value: Double { Double(tenThousandths) / 10_000 }
        public var description: String {
            tenThousandths % 10_000 == 0 ? "\(tenThousandths / 10_000)" : "\(value)"
        }
        public static func < (left: Amount, right: Amount) -> Bool { left.tenThousandths < right.tenThousandths }
        public static func + (left: Amount, right: Amount) -> Amount {
            Amount(tenThousandths: left.tenThousandths + right.tenThousandths)
        }
        public static func - (left: Amount, right: Amount) -> Amount {
            Amount(tenThousandths: left.tenThousandths - right.tenThousandths)
        }
    }

    /// The most of any resource that can be reserved or that a node can have: a million units.
    package static let mostUnits: Int64 = 1_000_000

    public var cpus: Amount
    public var gpus: Amount
    /// In bytes.
    public var memory: Int
    public var custom: [String: Amount]

    /// - Parameters:
    ///   - cpus: processor cores.
    ///   - gpus: graphics processors. A fraction, such as 0.3, is a part of one device, and several replicas share it.
    ///     More than one device is a whole number of devices.
    ///   - memory: bytes of main memory.
    ///   - custom: amounts of resources that nodes declare by name, such as `["licence": 1]`.
    public init(cpus: Double = 0, gpus: Double = 0, memory: Int = 0, custom: [String: Double] = [:]) {
        self.cpus = Amount(cpus)
        self.gpus = Amount(gpus)
        self.memory = memory
        self.custom = custom.mapValues(Amount.init)
    }

    public var description: String {
        var parts: [String] = []
        if cpus != .zero { parts.append("cpus: \(cpus)") }
        if gpus != .zero { parts.append("gpus: \(gpus)") }
        if memory != 0 { parts.append("memory: \(memory)") }
        parts += custom.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }

    package func problem() -> String? {
        for (name, amount) in [("cpus", cpus), ("gpus", gpus)] + custom.sorted(by: { $0.key < $1.key })
        where !(0...Self.mostUnits * 10_000).contains(amount.tenThousandths) {
            return "resources: '\(name)' must be a number from 0 to \(Self.mostUnits)"
        }
        if memory < 0 { return "resources: 'memory' is \(memory) bytes; it must be at least 0" }
        if gpus > .one, gpus.tenThousandths % Amount.one.tenThousandths != 0 {
            return "resources: 'gpus' is \(gpus); it must be at most 1, a part of one device, or a whole number"
        }
        return nil
    }
}
