package import SwerveCore

// What the callers of requests are told that lost their place.
extension ReplicaRouter {
    /// What the caller of a displaced request is told.
    package var displacement: ServeError {
        ServeError(
            .queueFull,
            "\(queuedCount) requests are already waiting, which is the limit, and one with a higher priority came",
            retryAfter: .seconds(1)
        )
    }

    /// What the caller of a request is told whose deadline passed in the queue.
    package static let deadlinePassed = ServeError(
        .deadlineExceeded,
        "the request's deadline passed while it waited for a replica"
    )
}
