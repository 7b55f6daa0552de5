package import SwerveCore

/// What a request does when a replica gave no answer: try another one, or fail. One policy for HTTP requests and for
/// calls by handle.
///
/// A refusal says that the replica did not begin: the request goes back to the front of the queue, and the router leaves
/// the replica alone for a while, so refusals need no limit of their own. A loss counts: at most ``maximum`` replicas may
/// be lost over one request.
package struct Attempts: Sendable {
    /// How many replicas may be lost before the request fails: 3.
    package static let maximum = 3

    package enum Decision: Equatable, Sendable {
        /// Acquire a lease again, ahead of requests that were never tried.
        case again
        case fail(ServeError)
    }

    /// Whether the caller said that running the request twice does no harm.
    private let isIdempotent: Bool
    private var losses = 0
    /// Whether bytes have left that this process does not have any more.
    private var isSpent = false

    package init(isIdempotent: Bool) {
        self.isIdempotent = isIdempotent
    }

    /// A part of a streamed body went to a replica: no other replica can be given the whole.
    package mutating func bodyLeft() {
        isSpent = true
    }

    /// - Parameter started: `false` only when the replica certainly had not begun.
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
