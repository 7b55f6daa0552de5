/// How urgent a request is. While requests wait for a replica, one of a higher priority goes first.
///
/// No request waits forever: one that has waited long enough goes ahead of later ones with a higher priority.
/// HTTP clients send the header `x-request-priority: high`; code says `handle.options(priority: .high)`.
public struct RequestPriority: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    /// From 0 to ``count`` - 1.
    package let level: UInt8

    /// - Parameter level: a level above the highest becomes the highest.
    package init(level: UInt8) {
        self.level = min(level, Self.high.level)
    }

    private init(fixed: UInt8) {
        self.level = fixed
    }

    public init(from decoder: any Decoder) throws {
        self.init(level: try decoder.singleValueContainer().decode(UInt8.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(level)
    }

    public static let low = RequestPriority(fixed: 0)
    /// The default.
    public static let normal = RequestPriority(fixed: 1)
    public static let high = RequestPriority(fixed: 2)

    /// The number of priorities.
    package static let count = 3

    /// The priority with this name: `low`, `normal` or `high`.
    public init?(_ name: String) {
        guard let level = Self.names.firstIndex(of: name) else { return nil }
        self.init(fixed: UInt8(level))
    }

    private static let names = ["low", "normal", "high"]
    public var description: String { Self.names[Int(level)] }
    public static func < (left: RequestPriority, right: RequestPriority) -> Bool { left.level < right.level }
}

/// What a request may say about itself beside its deadline. It travels with the request and with the calls that the
/// request leads to.
package struct RequestAttributes: Hashable, Sendable {
    package var priority: RequestPriority
    /// Requests with the same key go to the same replica as long as that is not too busy.
    package var sessionKey: String?
    /// The model that the request is for, in a deployment whose replicas hold several.
    package var modelID: String?
    /// Where the request is in a trace.
    package var trace: TraceContext?

    package init(
        priority: RequestPriority = .normal,
        sessionKey: String? = nil,
        modelID: String? = nil,
        trace: TraceContext? = nil
    ) {
        self.priority = priority
        self.sessionKey = sessionKey
        self.modelID = modelID
        self.trace = trace
    }

    /// The largest accepted length of a session key and a model ID: 256 bytes.
    package static let maximumBytes = 256

    /// - Throws: ``ServeError`` with code `invalidOptions` for a text that is too long.
    package func validate() throws(ServeError) {
        for (name, text) in [("sessionKey", sessionKey), ("modelID", modelID)] {
            guard let count = text?.utf8.count, count > Self.maximumBytes else { continue }
            throw ServeError(.invalidOptions, "\(name) has \(count) bytes; the maximum is \(Self.maximumBytes)")
        }
    }
}
