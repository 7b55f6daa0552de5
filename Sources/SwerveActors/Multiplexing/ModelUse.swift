internal import Synchronization

/// What a request uses of the models of the replicas in this process. The models that it was given stay loaded until it
/// ends.
package final class ModelUse: Sendable {
    /// That of the request, or of the batch, which the current task works on; `nil` outside requests to deployments
    /// with models.
    @TaskLocal package static var current: ModelUse?

    /// Where models are held for a request.
    protocol Holder: AnyObject, Sendable {
        func ended(_ user: UInt64)
    }
    private struct State {
        var holders: [any Holder] = []
        var isOver = false
    }

    let user: UInt64
    /// The requests that this one works for.
    let others: [UInt64]
    private let state = Mutex(State())
    private static let nextUser = Atomic<UInt64>(0)

    /// - Parameter callers: the uses of the requests that the new one works for.
    package init(for callers: [ModelUse] = []) {
        user = Self.makeUser()
        others = callers.flatMap { [$0.user] + $0.others }
    }

    static func makeUser() -> UInt64 { nextUser.add(1, ordering: .relaxed).newValue }

    /// Has the holder told when the request ends.
    ///
    /// - Returns: `false` if it has ended: a task that it started may still run.
    func isHeld(by holder: any Holder) -> Bool {
        state.withLock { state in
            if state.isOver { return false }
            if !state.holders.contains(where: { $0 === holder }) { state.holders.append(holder) }
            return true
        }
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// The request has ended.
    package func end() {
        let holders = state.withLock { state in
            state.isOver = true
            defer { state.holders = [] }
            return state.holders
        }
        for holder in holders { holder.ended(user) }
    }
}
