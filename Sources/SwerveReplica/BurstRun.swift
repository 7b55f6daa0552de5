internal import NIOCore
internal import SwerveActors

/// The requests of a burst that have yet to begin, and the task that runs them one after another until one waits.
///
/// A task costs more than a short request does. So the requests share one: it takes the next request when it is done
/// with the last. When a request waits for something, the task stays with that request, and another one takes the rest.
///
/// Confined to the replica's actor.
final class BurstRun<Held: Burst>: @unchecked Sendable {
    // Unchecked, including the exclusivity of accesses: all calls are made on the actor, and no access spans a call to
    // other code. A request that waited comes back to the actor, so only once the burst has left it.
    private let requests: [HostedRequest]
    private let burst: Held
    @exclusivity(unchecked) private var nextIndex = 0
    /// The request that has begun and not ended, if its task may take further ones.
    @exclusivity(unchecked) private var current: HostedRequest?
    /// The number of the task that may take requests.
    @exclusivity(unchecked) private var turn = 0
    /// Since when answers are held back.
    @exclusivity(unchecked) private var heldSince = NIODeadline.now()

    /// How long answers are held back at most while other requests of their burst start, in nanoseconds.
    private static var maximumHold: Int64 { 300_000 }
    /// How many answers are sent together at most, so that their callers continue while the next requests run.
    private static var answersPerWrite: Int { 16 }

    /// Holds the burst's answers back until ``end()``, a few at a time.
    init(_ requests: [HostedRequest], _ burst: Held) {
        self.requests = requests
        self.burst = burst
        burst.hold()
    }

    /// The number of the next task, and its first request; `nil` if all requests have begun.
    func begin() -> (turn: Int, first: HostedRequest)? { take().map { (turn, $0) } }

    /// The next request for the task with that number; `nil` if it has to end. The one before has ended.
    func next(_ turn: Int) -> HostedRequest? {
        guard turn == self.turn else { return nil }
        current = nil
        return take()
    }

    private func take() -> HostedRequest? {
        guard nextIndex < requests.count else { return nil }
        if nextIndex > 0 { sendSome() }
        let request = requests[nextIndex]
        nextIndex += 1
        current = request
        return request
    }

    /// The task has ended; or its request waits, or has not begun because the task's executor is another one than this
    /// thread's. Then the request has the task to itself.
    func left(_ task: Task<Void, Never>) {
        turn += 1
        guard let waiting = current.take() else { return }
        waiting.started(task)
    }

    /// All requests have begun.
    func end() { burst.release() }

    /// Sends the answers so far if they have been held back for long, or are many.
    private func sendSome() {
        let now = NIODeadline.now()
        guard nextIndex % Self.answersPerWrite == 0 || (now - heldSince).nanoseconds > Self.maximumHold else { return }
        heldSince = now
        burst.release()
        burst.hold()
    }
}
