internal import Synchronization

/// Counts the connections that linger, over all loops of a server.
package final class LingeringCount: Sendable {
    private let limit: Int
    private let current = Atomic<Int>(0)

    package init(limit: Int) {
        self.limit = limit
    }

    var value: Int { current.load(ordering: .relaxed) }

    /// Counts one more, unless there are as many as allowed.
    func enter() -> Bool {
        if current.add(1, ordering: .relaxed).newValue <= limit { return true }
        leave()
        return false
    }

    func leave() {
        current.subtract(1, ordering: .relaxed)
    }
}

/// The lingering connections of one loop, the longest-lingering one first. Confined to the loop.
struct LingeringConnections {
    private let count: LingeringCount
    private var connections: [HTTPConnectionHandler] = []

    init(_ count: LingeringCount) {
        self.count = count
    }

    /// - Returns: a connection to cut because there are too many: the one that has lingered longest, or the new one if
    ///   no other lingers on this loop.
    mutating func add(_ connection: HTTPConnectionHandler) -> HTTPConnectionHandler? {
        if count.enter() {
            connections.append(connection)
            return nil
        }
        if connections.isEmpty { return connection }
        connections.append(connection)
        return connections.removeFirst()
    }

    mutating func remove(_ connection: HTTPConnectionHandler) {
        // One that had to make room is not in the list any more.
        guard let index = connections.firstIndex(where: { $0 === connection }) else { return }
        connections.remove(at: index)
        count.leave()
    }
}
