internal import NIOCore
internal import SwerveCore
internal import SwerveRouting

extension Pool {
    /// Makes a call. It tries other replicas if the first refused the call, or was lost and the call may be tried
    /// again.
    ///
    /// - Throws: what the method throws; ``ServeError``; `CancellationError`.
    func call(_ call: OutgoingCall, idempotent: Bool) async throws -> CallResult {
        guard let lease = tryAcquire() else {
            return try await self.call(call, Attempts(isIdempotent: idempotent), isFirst: true)
        }
        let outcome = await lease.replica.call(call)
        if case .result(let result) = outcome {
            if case .stream(let result) = result { keep(lease, until: result.stream.open) }
            return result
        }
        var attempts = Attempts(isIdempotent: idempotent)
        try follow(outcome, lease, &attempts)
        return try await self.call(call, attempts, isFirst: false)
    }

    /// Makes a call that has to wait or is tried again.
    @inline(never)
    private func call(_ call: OutgoingCall, _ begun: Attempts, isFirst: Bool) async throws -> CallResult {
        var attempts = begun
        var isFirst = isFirst
        while true {
            let lease = try await acquire(again: !isFirst)
            isFirst = false
            // The deadline may have passed by now. Throwing releases the lease.
            try ServeContext.checkDeadline()
            let outcome = await lease.replica.call(call)
            if case .result(let result) = outcome {
                if case .stream(let result) = result { keep(lease, until: result.stream.open) }
                return result
            }
            try follow(outcome, lease, &attempts)
        }
    }

    /// Keeps the place in the replica until the stream is over.
    @inline(never)
    private func keep(_ lease: consuming Lease, until stream: any OpenStream) {
        let box = LeaseBox(lease)
        stream.whenOver { _ = box.take() }
    }

    /// - Throws: if the call must not be tried again.
    @inline(never)
    private func follow(_ outcome: CallOutcome, _ lease: consuming Lease, _ attempts: inout Attempts) throws {
        switch outcome {
        case .result: preconditionFailure("a call with a result is not made again")
        case .failed(let error): throw error
        case .refused: lease.refuse()
        case .lost(let started, let reason):
            let replica = lease.replica.id
            lease.release()
            leave(replica)
            if case .fail(let error) = attempts.lost(replica, started: started, reason: reason) { throw error }
        }
    }
}
