internal import NIOCore
internal import SwerveCore
internal import SwerveRouting

extension Pool {
    /// Makes a call. It tries other replicas if the first refused the call, or was lost and the call may be tried
    /// again.
    ///
    /// - Throws: what the method throws; ``ServeError``; `CancellationError`.
    func call(_ call: OutgoingCall, idempotent: Bool) async throws -> CallResult {
        switch tryAcquire(Self.properties(of: ServeContext.current)) {
        case .lease(let lease): return try await self.call(call, lease, idempotent: idempotent)
        case .refused(let error): throw error
        case .wait(let isAdmitted):
            return try await self.call(
                call,
                Attempts(isIdempotent: idempotent),
                isFirst: true,
                isAdmitted: isAdmitted
            )
        }
    }

    private static func properties(of context: ServeContext?) -> (RequestAttributes?, remaining: TimeAmount?) {
        (context?.attributes, context?.deadline?.remaining)
    }

    @inline(__always)
    private func call(
        _ call: OutgoingCall,
        _ lease: consuming Lease,
        idempotent: Bool
    ) async throws -> CallResult {
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
    ///
    /// - Parameters:
    ///   - isAdmitted: whether the policies have seen the call.
    ///   - chosen: is told the replica of each attempt.
    @inline(never)
    func call(
        _ call: OutgoingCall,
        _ begun: Attempts,
        isFirst: Bool,
        isAdmitted: Bool = false,
        _ chosen: ((ReplicaID) -> Void)? = nil
    ) async throws -> CallResult {
        var attempts = begun
        var isFirst = isFirst
        while true {
            let lease = try await acquire(again: !isFirst, isAdmitted: isAdmitted)
            isFirst = false
            // The deadline may have passed by now. Throwing releases the lease.
            try ServeContext.checkDeadline()
            chosen?(lease.replica.id)
            let outcome = await lease.replica.call(call)
            if case .result(let result) = outcome {
                if case .stream(let result) = result { keep(lease, until: result.stream.open) }
                return result
            }
            try follow(outcome, lease, &attempts)
        }
    }

    /// Makes a call to one replica and no other. While that is full, it is asked again and again.
    func call(_ call: OutgoingCall, on replica: ReplicaID) async throws -> CallResult {
        while true {
            try ServeContext.checkDeadline()
            try Task.checkCancellation()
            guard let lease = acquire(replica) else {
                throw ServeError(.replicaLost, "\(replica) takes no requests any more", replica: replica)
            }
            let outcome = await lease.replica.call(call)
            switch outcome {
            case .result(let result):
                if case .stream(let result) = result { keep(lease, until: result.stream.open) }
                return result
            case .failed, .lost:
                var attempts = Attempts(isIdempotent: false)
                try follow(outcome, lease, &attempts)
                throw ServeError(.replicaLost, "\(replica) was lost before it began the call", replica: replica)
            case .refused:
                lease.release()
                await withUnsafeContinuation { continuation in
                    _ = clock.scheduleTask(in: Self.pinnedPause) { continuation.resume() }
                }
            }
        }
    }

    /// After which time a replica that was full is asked again, if no other will do.
    private static let pinnedPause = TimeAmount.milliseconds(5)

    /// Keeps the place in the replica until the stream is over.
    @inline(never)
    func keep(_ lease: consuming Lease, until stream: any OpenStream) {
        let box = LeaseBox(lease)
        stream.whenOver { _ in _ = box.take() }
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
            if started, !mayRetry() {
                throw ServeError(
                    .replicaLost,
                    "replica \(replica) was lost while it worked on the request, which is not tried again: the retry "
                        + "budget is used up, because many replicas were lost (\(reason))",
                    deployment: id,
                    replica: replica
                )
            }
        }
    }
}
