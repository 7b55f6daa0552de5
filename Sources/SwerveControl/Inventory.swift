package import SwerveCore

/// What an earlier controller left running, as those who run it know it.
package struct Inventory: Hashable, Sendable, Codable {
    /// A replica that was started and has not ended.
    package struct Replica: Hashable, Sendable, Codable {
        package enum Phase: Hashable, Sendable, Codable {
            /// Its initialiser has not returned, or it has not reported so.
            case starting
            /// It was ready at that time.
            case running(since: MonotonicTime)
            /// It was told to finish its requests.
            case draining
            /// It was told to terminate.
            case stopping
        }

        package var id: ReplicaID
        /// What it was started from.
        package var spec: DeploymentSpec
        /// What it runs with since its last change in place; `nil` after a change that failed. One whose end nobody
        /// learnt of may have been made: it is ordered again.
        package var configuration: Configuration?
        package var reservation: Reservation
        package var phase: Phase
        /// Whether calls go to it.
        package var isPublished: Bool
        /// `nil` if it has none yet.
        package var place: ReplicaPlace?
        package var processID: Int32?

        package init(
            id: ReplicaID,
            spec: DeploymentSpec,
            configuration: Configuration?,
            reservation: Reservation,
            phase: Phase,
            isPublished: Bool,
            place: ReplicaPlace? = nil,
            processID: Int32? = nil
        ) {
            self.id = id
            self.spec = spec
            self.configuration = configuration
            self.reservation = reservation
            self.phase = phase
            self.isPublished = isPublished
            self.place = place
            self.processID = processID
        }
    }

    package var replicas: [Replica]
    /// The HTTP routes in force.
    package var routes: [RouteEntry]
    /// The deployments that calls go to or wait for, sorted.
    package var published: [DeploymentID]

    package init(replicas: [Replica] = [], routes: [RouteEntry] = [], published: [DeploymentID] = []) {
        self.replicas = replicas
        self.routes = routes
        self.published = published
    }
}
