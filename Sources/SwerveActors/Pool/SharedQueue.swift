package import SwerveCore

/// Where the processes of a machine tell each other how many requests wait, so that `maxQueuedRequests` holds for all of
/// them together.
package protocol SharedQueueCounts: Sendable {
    /// `nil` if there is no room for another deployment. Its limit then holds for each process.
    func queue(of deployment: DeploymentID) -> (any SharedQueue)?
}

/// The counts of one deployment.
package protocol SharedQueue: Sendable {
    /// Tells the others how many requests wait in this process. What ``elsewhere`` returns next is not older.
    func announce(_ count: Int)
    /// How many requests wait in the other processes.
    var elsewhere: Int { get }
    /// Forgets the counts of processes that have ended.
    func forgetEnded(now: MonotonicTime)
}
