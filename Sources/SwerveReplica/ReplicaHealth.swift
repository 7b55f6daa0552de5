internal import NIOCore
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// The health checks of one replica, as its own process sees them.
///
/// Two things are checked apart from each other: whether the executor on which requests run still takes work, and what
/// the user's `checkHealth()` says. The user's check needs a turn on the actor. While a request keeps the actor busy,
/// the check has not begun, and that is no failure; one that has begun and does not return is. Only an actor that takes
/// no turn for ten minutes, in a process that hardly computes in that time, counts as stuck.
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
        /// When it was asked for, and what processor time the process had used by then.
        let asked: NIODeadline
        let used: Duration
        /// When it got the actor.
        var begun: NIODeadline?
    }

    private let checkTimeout: Duration
    private let stuckAfter: Duration
    private let state = Mutex(State())

    /// A process that uses less than this share of a core hardly computes.
    private static let idleShare = 0.01

    /// - Parameter stuckAfter: how long an actor may take no turn while its process hardly computes.
    init(checkTimeout: Duration, stuckAfter: Duration = .seconds(600)) {
        self.checkTimeout = checkTimeout
        self.stuckAfter = stuckAfter
    }

    func probe(
        _ actor: AnyHostedActor,
        on executor: (any TaskExecutor)?,
        _ report: @escaping @Sendable (Report) -> Void
    ) {
        // Unstructured: ends at once, or never if the executor is stuck.
        Task(executorPreference: executor) { report(.alive) }
        let (now, used) = (NIODeadline.now(), ThisProcess.processorTime)
        let (number, problem) = state.withLock { state -> (Int?, String?) in
            guard let check = state.check else {
                state.last += 1
                state.check = Check(number: state.last, asked: now, used: used)
                return (state.last, nil)
            }
            let problem = self.problem(with: check, now, used)
            if problem != nil { state.hasFailed = true }
            return (nil, problem)
        }
        if let problem { report(.failed(message: problem)) }
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

    private func problem(with check: Check, _ now: NIODeadline, _ used: Duration) -> String? {
        if let begun = check.begun {
            let isLate = (now - begun).nanoseconds > checkTimeout.nanoseconds
            return isLate ? "checkHealth() has not returned within \(checkTimeout)" : nil
        }
        let elapsed = (now - check.asked).nanoseconds
        let computed = Double((used - check.used).nanoseconds)
        guard elapsed > stuckAfter.nanoseconds, computed < Self.idleShare * Double(elapsed) else { return nil }
        return "the actor has taken no turn for \(stuckAfter), and its process does not compute"
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
