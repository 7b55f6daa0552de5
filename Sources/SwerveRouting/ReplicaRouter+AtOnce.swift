package import SwerveCore

// Requests that need not wait.
extension ReplicaRouter {
    /// A request arrives that gets a lease if a slot is free and no request waits.
    ///
    /// - Parameter now: not asked for where the time makes no difference.
    /// - Returns: `.assigned` or `.refused`; `nil` if the request has to wait, for which
    ///   ``admit(_:isAdmitted:elsewhere:now:using:)`` must be called.
    package mutating func admitAtOnce(
        _ request: RoutingRequest,
        now: @autoclosure () -> MonotonicTime,
        using generator: inout SplitMix64
    ) -> Admission? {
        let heedsTime = admission != nil || models.isInUse || request.deadline != nil
        return begin(request, isAdmitted: false, now: heedsTime ? now() : time, using: &generator)
    }
}
