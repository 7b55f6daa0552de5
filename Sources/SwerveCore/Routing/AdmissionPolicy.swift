/// Decides whether a request is taken at all. Each calling process has one value for each deployment.
///
/// The built-in policies are asked only about requests that would have to wait, one of the program about every request.
/// It is asked while a lock is held, so it must return soon. The limit `maxQueuedRequests` holds in any case.
public protocol AdmissionPolicy: Sendable {
    init()
    mutating func decide(_ context: AdmissionContext) -> AdmissionDecision
}

/// What a policy knows about the deployment and about the request that arrives.
public struct AdmissionContext: Hashable, Sendable {
    public var request: RoutingRequest
    /// The requests of this process that wait for a replica, and that replicas work on.
    public var load: Load
    /// Whether a replica can take the request now.
    public var hasRoom: Bool
    /// How long it will probably take until the request is answered; `nil` if there is no experience.
    public var estimatedTime: Duration?
    /// The present time, on the clock of ``RoutingRequest/deadline``.
    public var time: MonotonicTime

    public init(
        request: RoutingRequest,
        load: Load,
        hasRoom: Bool,
        estimatedTime: Duration? = nil,
        time: MonotonicTime
    ) {
        self.request = request
        self.load = load
        self.hasRoom = hasRoom
        self.estimatedTime = estimatedTime
        self.time = time
    }
}

/// Whether a request is taken.
public struct AdmissionDecision: Hashable, Sendable {
    /// Why not; `nil` if it is.
    package let refusal: ServeError?

    /// The request is taken: it gets a replica, or waits for one.
    public static let admit = AdmissionDecision(refusal: nil)

    /// The caller asks for more than its share. The request fails with code `tooManyRequests` (HTTP 429).
    ///
    /// - Parameters:
    ///   - reason: what the caller reads.
    ///   - retryAfter: when trying again makes sense.
    public static func tooManyRequests(_ reason: String, retryAfter: Duration? = nil) -> AdmissionDecision {
        AdmissionDecision(refusal: ServeError(.tooManyRequests, reason, retryAfter: retryAfter))
    }

    /// The deployment has too much to do. The request fails with code `overloaded` (HTTP 503).
    public static func overloaded(_ reason: String, retryAfter: Duration? = nil) -> AdmissionDecision {
        AdmissionDecision(refusal: ServeError(.overloaded, reason, retryAfter: retryAfter))
    }
}

/// Refuses a request that would probably not be answered before its deadline, so that no replica works in vain.
public struct MeetingDeadlines: AdmissionPolicy {
    public init() {}

    public func decide(_ context: AdmissionContext) -> AdmissionDecision {
        guard !context.hasRoom, let deadline = context.request.deadline, let estimate = context.estimatedTime,
            context.time + estimate > deadline
        else { return .admit }
        let remaining = deadline - context.time
        return .overloaded(
            "the request would take about \(estimate.inSeconds) s and must be answered in \(remaining.inSeconds) s, "
                + "because \(context.load.queued) others wait",
            retryAfter: max(estimate - remaining, .zero)
        )
    }
}

/// Takes every request that the queue has a place for.
public struct AdmittingAll: AdmissionPolicy {
    public init() {}
    public func decide(_ context: AdmissionContext) -> AdmissionDecision { .admit }
}

extension Duration {
    /// With three digits behind the point.
    fileprivate var inSeconds: String {
        let milliseconds = nanoseconds / 1_000_000
        let rest = "\(abs(milliseconds) % 1000)"
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}
