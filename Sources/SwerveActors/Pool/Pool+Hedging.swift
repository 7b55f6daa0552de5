internal import NIOCore
internal import SwerveCore
internal import SwerveRouting
internal import Synchronization

/// How long the hedged calls of a deployment's methods take.
final class HedgeDelays: Sendable {
    private let state = Mutex<[String: HedgeDelay]>([:])

    func with<Result>(_ method: String, _ body: (inout HedgeDelay) -> Result) -> Result {
        state.withLock { body(&$0[method, default: HedgeDelay()]) }
    }
}

extension Pool {
    /// Makes a call that may run twice. If it takes longer than most calls of the method, another replica gets it, too,
    /// and the first answer counts. The other attempt is cancelled. A call with a stream among its arguments runs once.
    func hedgedCall(_ call: OutgoingCall) async throws -> CallResult {
        let begin = clock.now
        let delay = hedges.with(call.target) { $0.begin() }
        // The timer's thread does not have the caller's context.
        let context = ServeContext.current
        let race = CallRace()
        let first = FirstReplica()
        let result = try await race.outcome {
            race.add { try await self.call(call, Attempts(isIdempotent: true), isFirst: true) { first.note($0) } }
            guard let delay, !call.arguments.hasStreams else { return }
            self.afterDelay(begin + .nanoseconds(delay.nanoseconds), of: first, race) { replica in
                guard let lease = self.acquire(otherThan: replica), self.hedges.with(call.target, { $0.mayHedge() })
                else { return }
                race.add { try await ServeContext.with(context) { try await self.hedge(call, lease) } }
            }
        }
        hedges.with(call.target) { $0.ended(after: .nanoseconds((clock.now - begin).nanoseconds)) }
        return result
    }

    /// Calls `hedge` at a time, or later if the first attempt still waits for a replica then.
    ///
    /// - Parameter pause: the time until it looks again, which doubles.
    private func afterDelay(
        _ time: NIODeadline,
        of first: FirstReplica,
        _ race: CallRace,
        pause: TimeAmount = .milliseconds(1),
        _ hedge: @escaping @Sendable (ReplicaID) -> Void
    ) {
        race.at(time, on: clock) {
            if let replica = first.id { return hedge(replica) }
            self.afterDelay(self.clock.now + pause, of: first, race, pause: pause * 2, hedge)
        }
    }

    /// The second attempt. It does not go to a third replica: the first one is still under way.
    private func hedge(_ call: OutgoingCall, _ box: LeaseBox) async throws -> CallResult? {
        guard let lease = box.take() else { return nil }
        let outcome = await lease.replica.call(call)
        return try answer(outcome, lease)
    }

    /// - Returns: `nil` if the attempt has no answer.
    private func answer(_ outcome: CallOutcome, _ lease: consuming Lease) throws -> CallResult? {
        switch outcome {
        case .result(let result):
            if case .stream(let result) = result { keep(lease, until: result.stream.open) }
            return result
        case .failed(let error):
            if error is CancellationError { return nil }
            throw error
        case .refused: lease.refuse()
        case .lost:
            let replica = lease.replica.id
            lease.release()
            leave(replica)
        }
        return nil
    }

    /// The replica that has the first attempt, once it has one.
    private final class FirstReplica: Sendable {
        private let state = Mutex<ReplicaID?>(nil)
        var id: ReplicaID? { state.withLock { $0 } }
        func note(_ id: ReplicaID) { state.withLock { $0 = id } }
    }
}
