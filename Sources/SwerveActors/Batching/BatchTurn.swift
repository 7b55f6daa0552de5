internal import Synchronization

/// What waits until the callers of a batch have got their results and gone on.
final class BatchTurn: Sendable {
    private let left: Atomic<Int>
    private let perform: @Sendable () -> Void

    init(after callers: Int, _ perform: @escaping @Sendable () -> Void) {
        left = Atomic(callers)
        self.perform = perform
    }

    /// A caller has got its result, and holds the actor now.
    func passed() {
        if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { perform() }
    }
}

/// What a call gets from its batch.
struct BatchReply<Output: Sendable>: Sendable {
    let result: Result<Output, any Error>
    let turn: BatchTurn?

    init(_ result: Result<Output, any Error>, _ turn: BatchTurn? = nil) {
        self.result = result
        self.turn = turn
    }
}
