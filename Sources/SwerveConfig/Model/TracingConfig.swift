public import SwerveCore

/// Where spans go, and which: `tracing` of a configuration file. The names are those of `TracingOptions` and its
/// limits, whose defaults hold for what is `nil`.
public struct TracingConfig: Hashable, Sendable {
    /// Which traces are recorded.
    public struct Sampling: Hashable, Sendable, CustomStringConvertible {
        /// The share of the traces; `nil` for none, whatever clients say.
        package let share: Double?

        /// All traces.
        public static let always = Sampling(share: 1)
        /// None, whatever clients say.
        public static let never = Sampling(share: nil)
        /// This share of the traces, from 0 to 1.
        public static func ratio(_ share: Double) -> Sampling { Sampling(share: share) }

        public var description: String { share.map { "\($0)" } ?? "never" }
    }

    /// The collector's URL.
    public var endpoint: String?
    /// The name that the spans go by.
    public var serviceName: String?
    public var sampling: Sampling?
    /// Header lines that the collector wants with each export. Secret.
    public var headers: [String: String]?
    public var maxQueuedSpans: Int?
    public var maxSpansPerExport: Int?
    public var exportInterval: Duration?
    public var exportTimeout: Duration?
    public var maxAttempts: Int?
    public var shutdownTimeout: Duration?
    public var maxAttributesPerSpan: Int?
    public var maxTextBytes: Int?
    /// Fields that have no effect, by name; there is none.
    public var unused: [String: JSONValue] = [:]

    public init() {}
}

extension TracingConfig: ConfigObject {}

extension TracingConfig: CustomStringConvertible, CustomReflectable {
    /// Without the headers' values.
    public var description: String {
        "TracingConfig(endpoint: \(endpoint ?? "default"), serviceName: \(serviceName ?? "default"), "
            + "sampling: \(sampling?.description ?? "default"), headers: \((headers ?? [:]).keys.sorted()))"
    }

    /// Without the headers' values, for `dump`.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
