internal import NIOCore
internal import SwerveCore
internal import SwerveRouting

extension Pool {
    /// Makes a call: on other replicas too when the first did not start it, or was lost and may be tried again.
    ///
    /// - Throws: what the method throws; ``ServeError``; `CancellationError`.
    @inline(__always)
    func call(_ call: OutgoingCall, _ options: CallOptions?) async throws -> CallResult {
        let lease: Lease
        if let free = tryAcquire() {
            lease = free
        } else {
            lease = try await acquire()
            // The request's time may be over by now; the lease goes with the error.
            try RequestContext.checkDeadline()
        }
        let replica = lease.replica
        switch await replica.call(call) {
        case .result(let result):
            lease.release()
            return result
        case .failed(let error):
            lease.release()
            throw error
        case .refused:
            lease.refuse()
            return try await callAgain(call, Attempts(isIdempotent: options?.idempotent == true))
        case .lost(let started, let reason):
            lease.release()
            var attempts = Attempts(isIdempotent: options?.idempotent == true)
            try decide(&attempts, replica.id, started, reason)
            return try await callAgain(call, attempts)
        }
    }

    /// Every attempt but the first.
    private func callAgain(_ call: OutgoingCall, _ begun: Attempts) async throws -> CallResult {
        var attempts = begun
        while true {
            let lease = try await acquire(again: true)
            try RequestContext.checkDeadline()
            let replica = lease.replica
            switch await replica.call(call) {
            case .result(let result): return result
            case .failed(let error): throw error
            case .refused: lease.refuse()
            case .lost(let started, let reason):
                lease.release()
                try decide(&attempts, replica.id, started, reason)
            }
        }
    }

    private func decide(_ attempts: inout Attempts, _ replica: ReplicaID, _ started: Bool, _ reason: String) throws {
        leave(replica)
        if case .fail(let error) = attempts.lost(replica, started: started, reason: reason) { throw error }
    }
}
