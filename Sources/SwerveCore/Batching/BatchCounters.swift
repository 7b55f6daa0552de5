/// Why a batch closed, that is, took no more items and began to run.
public struct BatchReason: Hashable, Sendable, Codable, CustomStringConvertible {
    private enum Kind: String, Codable { case full, waited, alone, deadline, shutdown }
    private let kind: Kind
    /// It had as many items as a batch may have, or no further one would have fitted.
    public static let full = BatchReason(kind: .full)
    /// Its oldest item had waited for `waitTimeout`.
    public static let waited = BatchReason(kind: .waited)
    /// All requests that the replica had admitted were in batches, so nothing more could come.
    public static let alone = BatchReason(kind: .alone)
    /// An item would otherwise have missed its deadline.
    public static let deadline = BatchReason(kind: .deadline)
    /// The replica is draining.
    public static let shutdown = BatchReason(kind: .shutdown)
    public var description: String { kind.rawValue }
}

/// What became of the calls of a `@Batched` method in one replica so far.
public struct BatchCounters: Hashable, Sendable, Codable {
    /// How many batches closed because they were full, and so on; see ``BatchReason``.
    public internal(set) var full = 0
    public internal(set) var waited = 0
    public internal(set) var alone = 0
    public internal(set) var deadline = 0
    public internal(set) var shutdown = 0
    /// How many items the batches had, without repetitions that filled them up.
    public internal(set) var items = 0
    /// How many repetitions filled batches up to an allowed size.
    public internal(set) var repetitions = 0
    /// How many items were cancelled while they waited.
    public internal(set) var cancelled = 0
    /// How many items failed because their deadline passed while they waited.
    public internal(set) var expired = 0

    public init() {}

    /// How many batches ran.
    public var batches: Int { full + waited + alone + deadline + shutdown }

    /// The counters of several replicas together.
    public static func + (left: BatchCounters, right: BatchCounters) -> BatchCounters {
        var sum = left
        sum.full += right.full
        sum.waited += right.waited
        sum.alone += right.alone
        sum.deadline += right.deadline
        sum.shutdown += right.shutdown
        sum.items += right.items
        sum.repetitions += right.repetitions
        sum.cancelled += right.cancelled
        sum.expired += right.expired
        return sum
    }

    package mutating func closed(_ reason: BatchReason, items: Int, repetitions: Int) {
        switch reason {
        case .full: full += 1
        case .waited: waited += 1
        case .alone: alone += 1
        case .deadline: deadline += 1
        default: shutdown += 1
        }
        self.items += items
        self.repetitions += repetitions
    }

    package mutating func wasCancelled() { cancelled += 1 }
    package mutating func hasExpired() { expired += 1 }
}
