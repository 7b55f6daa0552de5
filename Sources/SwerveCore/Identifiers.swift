/// Names one deployment of one application, written `application/deployment`.
public struct DeploymentID: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    public let application: String
    public let deployment: String

    public init(application: String, deployment: String) {
        self.application = application
        self.deployment = deployment
    }

    /// Reads the form that ``description`` writes; `nil` when `text` has no `/`.
    public init?(_ text: String) {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        self.application = String(text[..<slash])
        self.deployment = String(text[text.utf8.index(after: slash)...])
    }

    public var description: String { "\(application)/\(deployment)" }

    public static func < (left: DeploymentID, right: DeploymentID) -> Bool {
        (left.application, left.deployment) < (right.application, right.deployment)
    }
}

/// Names one replica. A controller never gives out the same number twice.
public struct ReplicaID: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    public let deployment: DeploymentID
    public let number: UInt64

    public init(deployment: DeploymentID, number: UInt64) {
        self.deployment = deployment
        self.number = number
    }

    public var description: String { "\(deployment)#\(number)" }

    public static func < (left: ReplicaID, right: ReplicaID) -> Bool {
        (left.deployment, left.number) < (right.deployment, right.number)
    }
}

/// Names one instance of Swerve. Two instances may run applications with the same name, so the identifier is what tells
/// a reference to one from a reference to the other.
package struct InstanceID: Hashable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads the form that ``description`` writes.
    package init?(_ text: some StringProtocol) {
        guard let rawValue = UInt64(text, radix: 16) else { return nil }
        self.rawValue = rawValue
    }

    /// In hexadecimal.
    package var description: String { String(rawValue, radix: 16) }
}

/// A point in time, passed to pure code as data: nanoseconds since a moment that the shell chooses.
public struct MonotonicTime: Hashable, Sendable, Codable, Comparable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static let zero = MonotonicTime(nanoseconds: 0)

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Clamps to the earliest or latest time instead of overflowing.
    public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return MonotonicTime(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        .nanoseconds(left.nanoseconds &- right.nanoseconds)
    }
}

extension Duration {
    /// The whole duration in nanoseconds, clamped to the range of an `Int64` (about 292 years).
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, tooLarge) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return tooLarge ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in seconds, for display and logs.
    public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
