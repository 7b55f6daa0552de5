internal import NIOCore
internal import SwerveCore
internal import Synchronization

/// The health checks of one replica, as its own process sees them.
///
/// Two things are checked apart from each other: whether the executor on which requests run still takes work, and what
/// the user's `checkHealth()` says. The user's check needs a turn on the actor. While a request keeps the actor busy,
/// the check has not begun, and that is no failure; one that has begun and does not return is.
package final class ReplicaHealth: Sendable {
    package enum Report: Hashable, Sendable {
        /// The executor runs work.
        case alive
        /// The user's check passed, after it had failed.
        case passed
        case failed(message: String)
    }

    private struct State {
        var check: Check?
        var hasFailed = false
        var last = 0
    }
    /// A call of the user's check that has not returned.
    private struct Check {
        let number: Int
        /// When it got the actor.
        var begun: NIODeadline?
    }

    private let checkTimeout: Duration
    private let state = Mutex(State())

    init(checkTimeout: Duration) {
        self.checkTimeout = checkTimeout
    }

    func probe(
        _ actor: AnyHostedActor,
        on executor: (any TaskExecutor)?,
        _ report: @escaping @Sendable (Report) -> Void
    ) {
        // Unstructured: ends at once, or never if the executor is stuck.
        Task(executorPreference: executor) { report(.alive) }
        let now = NIODeadline.now()
        let (number, isLate) = state.withLock { state -> (Int?, Bool) in
            guard let check = state.check else {
                state.last += 1
                state.check = Check(number: state.last)
                return (state.last, false)
            }
            let isLate = check.begun.map { (now - $0).nanoseconds > checkTimeout.nanoseconds } ?? false
            if isLate { state.hasFailed = true }
            return (nil, isLate)
        }
        if isLate { report(.failed(message: "checkHealth() has not returned within \(checkTimeout)")) }
        guard let number else { return }
        // Unstructured: ends when the user's check does.
        Task(executorPreference: executor) {
            do {
                try await actor.checkHealth { self.began(number) }
                if self.ended(failed: false) { report(.passed) }
            } catch {
                _ = self.ended(failed: true)
                report(.failed(message: "\(error)"))
            }
        }
    }

    private func began(_ number: Int) {
        let now = NIODeadline.now()
        state.withLock { state in
            if state.check?.number == number { state.check?.begun = now }
        }
    }

    /// - Returns: whether an earlier check had failed.
    private func ended(failed: Bool) -> Bool {
        state.withLock { state in
            defer { state.hasFailed = failed }
            state.check = nil
            return state.hasFailed
        }
    }
}
