package import SwerveCore

/// What a request does when a replica gives no answer: try another one, or fail. HTTP requests and calls through
/// handles share this policy.
///
/// A refusal means that the replica did not begin. The request goes back to the front of the queue, and the router
/// skips the replica for a while, so refusals need no limit of their own. A loss counts: the request fails when its
/// replica is lost for the ``maximum``th time.
package struct Attempts: Sendable {
    /// How many replicas may be lost before the request fails: 3.
    package static let maximum = 3

    package enum Decision: Equatable, Sendable {
        /// Acquire a lease again, ahead of requests that have not been tried.
        case again
        case fail(ServeError)
    }

    /// Whether the caller declared that running the request twice does no harm.
    private let isIdempotent: Bool
    private var losses = 0
    /// Whether this process has sent bytes that it no longer holds.
    private var isSpent = false

    package init(isIdempotent: Bool) {
        self.isIdempotent = isIdempotent
    }

    /// Part of a streamed body went to a replica, so no other replica can get the whole body.
    package mutating func bodyLeft() {
        isSpent = true
    }

    /// - Parameter started: `false` only if the replica certainly had not begun.
    package mutating func lost(_ replica: ReplicaID, started: Bool, reason: String) -> Decision {
        losses += 1
        if !isSpent, !started || isIdempotent, losses < Self.maximum { return .again }
        let state = started ? "while it worked on the request" : "before it began the request"
        let tries = losses > 1 ? ", at attempt \(losses)" : ""
        return .fail(
            ServeError(
                .replicaLost,
                "replica \(replica) was lost \(state)\(tries): \(reason)",
                deployment: replica.deployment,
                replica: replica
            )
        )
    }
}
