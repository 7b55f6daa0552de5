package import SwerveCore

// What the callers of requests are told that lost their place.
extension ReplicaRouter {
    func expiry(of request: RoutingRequest, _ now: MonotonicTime) -> ServeError? {
        guard let deadline = request.deadline, deadline <= now else { return nil }
        return Self.deadlinePassed
    }

    mutating func refusal(of request: RoutingRequest, hasRoom: Bool, _ now: MonotonicTime) -> ServeError? {
        guard admission != nil || (!hasRoom && options.admission.kind == .meetingDeadlines && request.deadline != nil)
        else { return nil }
        let ongoing = ongoingCount
        let time = estimate.time(ahead: queue.ahead(of: request.priority), ongoing: ongoing, now: now)
        let context = AdmissionContext(
            request: request,
            load: Load(queued: queue.count, ongoing: ongoing),
            hasRoom: hasRoom,
            estimatedTime: time,
            time: now
        )
        return (admission?.decide(context) ?? MeetingDeadlines().decide(context)).refusal
    }

    func queueFull(elsewhere: Int, _ now: MonotonicTime) -> ServeError {
        let others = elsewhere > 0 ? ", \(elsewhere) of them in other processes" : ""
        return ServeError(
            .queueFull,
            "\(queue.count + elsewhere) requests are already waiting\(others), which is the limit",
            retryAfter: estimate.time(ahead: 0, ongoing: 0, now: now).map { min($0, .seconds(60)) }
        )
    }

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
