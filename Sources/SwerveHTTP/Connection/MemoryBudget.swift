internal import Synchronization

/// Counts the bytes of requests and responses that a server holds, over all its loops.
package final class MemoryBudget: Sendable {
    package let limit: Int
    private let held = Atomic<Int>(0)

    package init(limit: Int) {
        self.limit = limit
    }

    /// How many bytes are held.
    package var heldBytes: Int { held.load(ordering: .relaxed) }
    /// Whether requests with content are refused for now.
    package var isUsedUp: Bool { heldBytes >= limit }

    package func change(by bytes: Int) {
        held.add(bytes, ordering: .relaxed)
    }
}
