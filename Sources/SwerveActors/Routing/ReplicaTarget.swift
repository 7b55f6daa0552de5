internal import Distributed
package import NIOCore
package import SwerveCore

/// How a replica is reached from this process.
package enum ReplicaTarget: Sendable {
    case local(HostedReplica)
    case remote(any RemoteReplica)
}

/// A replica in another process.
package protocol RemoteReplica: AnyObject, Sendable {
    var id: ReplicaID { get }
    /// Makes one attempt at a call. Cancelling the task cancels the call in the replica.
    func call(_ call: OutgoingCall) async -> CallOutcome
}

/// A call by handle as it leaves this process.
package struct OutgoingCall: Sendable {
    package let target: String
    package let arguments: Arguments
    package let options: CallOptions?
    /// Whether a large result may stay where it is made, because the caller only passes it on.
    package let mayKeep: Bool

    package init(target: String, arguments: Arguments, options: CallOptions?, mayKeep: Bool = false) {
        self.target = target
        self.arguments = arguments
        self.options = options
        self.mayKeep = mayKeep
    }
}

/// How one attempt at a call ended.
package enum CallOutcome: Sendable {
    /// The encoded result.
    case value(ByteBuffer)
    /// The result stays where it was made; only of calls that allow it.
    case kept(KeptResult)
    /// The user's error as itself, a ``RemoteError`` in its place, a ``ServeError``, or `CancellationError`.
    case failed(any Error)
    /// The replica did not start it.
    case refused
    /// The connection ended. `started` is false only when the replica certainly had not begun.
    case lost(started: Bool, reason: String)
}

extension Route {
    /// Makes a call, on other replicas too when the first did not start it, or was lost and the call is idempotent.
    func call(_ call: OutgoingCall, startingWith first: Lease) async throws -> ByteBuffer {
        guard case .bytes(let bytes) = try await answer(to: call, startingWith: first) else {
            preconditionFailure("results are kept only for calls that allow it")
        }
        return bytes
    }

    /// What a call answered.
    enum CallAnswer {
        case bytes(ByteBuffer)
        case kept(KeptResult)
    }

    /// Makes a call, see ``call(_:startingWith:)``.
    func answer(to call: OutgoingCall, startingWith first: Lease) async throws -> CallAnswer {
        var lease = first
        var losses = 0
        while true {
            guard case .remote(let replica) = lease.target else { return .bytes(try await callLocally(call, lease)) }
            switch await replica.call(call) {
            case .value(let bytes):
                lease.release()
                return .bytes(bytes)
            case .kept(let result):
                lease.release()
                return .kept(result)
            case .failed(let error):
                lease.release()
                throw error
            case .refused:
                lease.refuse()
            case .lost(let started, let reason):
                leave(replica.id)
                lease.release()
                losses += 1
                let mayRepeat = !started || call.options?.idempotent == true
                guard mayRepeat, losses < maximumAttempts else {
                    throw ServeError.lost(replica.id, started: started, attempts: losses, reason: reason)
                }
            }
            lease = try await acquire(again: true)
        }
    }

    /// A second attempt that meets a replica in this process, while a deployment changes its placement.
    private func callLocally(_ call: OutgoingCall, _ lease: Lease) async throws -> ByteBuffer {
        guard case .local(let replica) = lease.target else { preconditionFailure("the target is local") }
        defer { lease.release() }
        let handler = ResultHandler(encodingInto: ByteBuffer())
        try await replica.execute(call.target, call.arguments, handler)
        return try handler.encodedResult()
    }
}

extension ServeError {
    package static func lost(_ replica: ReplicaID, started: Bool, attempts: Int, reason: String) -> ServeError {
        let state = started ? "while it worked on the request" : "before it began the request"
        let tries = attempts > 1 ? ", at attempt \(attempts)" : ""
        return ServeError(
            .replicaLost,
            "replica \(replica) was lost \(state)\(tries): \(reason)",
            deployment: replica.deployment,
            replica: replica
        )
    }
}
