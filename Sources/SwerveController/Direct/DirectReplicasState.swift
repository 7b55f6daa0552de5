package import SwerveCore

/// Decides who takes connections from the listening socket: the direct replicas that are published, or the instance's
/// own front while none of them does. Pure.
///
/// A replica is told to take connections when it is published and once the front has let others have the socket. From its
/// confirmation on the front leaves new connections to it. A replica that is no longer published, or whose process has
/// ended, does not count; the front then takes connections again unless another replica does.
package struct DirectReplicasState: Sendable {
    package enum Action: Equatable, Sendable {
        /// Let other processes take connections from the socket, and report it.
        case share
        case tell(ReplicaID, takes: Bool)
        /// Whether the front is to take connections.
        case front(takes: Bool)
    }

    private enum Replica {
        /// Connected, and not published. Goes to asked.
        case idle
        /// Published. Goes to taking and idle.
        case asked
        /// It has confirmed that it takes connections. Goes to idle.
        case taking
    }

    private enum Front {
        /// Nobody else has the socket. Goes to sharing.
        case alone
        /// It was told to let others have the socket. Goes to shared.
        case sharing
        case shared(takes: Bool)
    }

    private var replicas: [ReplicaID: Replica] = [:]
    private var front = Front.alone
    /// Whether the instance ends, and nobody begins to take connections any more.
    private var isEnding = false

    package init() {}

    /// The direct replicas whose processes are connected, in order.
    package var connected: [ReplicaID] { replicas.keys.sorted() }
    /// Those that take connections, in order.
    package var taking: [ReplicaID] { replicas.filter { $0.value == .taking }.keys.sorted() }

    /// The process of a direct replica has connected.
    package mutating func connected(_ replica: ReplicaID) { replicas[replica] = .idle }

    /// The replicas of a deployment to which requests go from now on.
    package mutating func published(_ deployment: DeploymentID, _ published: Set<ReplicaID>) -> [Action] {
        var actions: [Action] = []
        for replica in connected where replica.deployment == deployment {
            switch replicas[replica] {
            case .idle? where published.contains(replica) && !isEnding:
                replicas[replica] = .asked
                if case .shared = front { actions.append(.tell(replica, takes: true)) }
            case .asked?, .taking?:
                guard !published.contains(replica) else { continue }
                replicas[replica] = .idle
                actions.append(.tell(replica, takes: false))
            default: break
            }
        }
        if case .alone = front, replicas.values.contains(.asked) {
            front = .sharing
            actions.append(.share)
        }
        return actions + settle()
    }

    /// The front lets others have the socket.
    package mutating func isShared() -> [Action] {
        guard case .sharing = front else { return [] }
        front = .shared(takes: true)
        return connected.filter { replicas[$0] == .asked }.map { .tell($0, takes: true) } + settle()
    }

    /// A replica says that it takes connections, or that it does not.
    package mutating func takes(_ replica: ReplicaID, _ takes: Bool) -> [Action] {
        // One that was told to stop in the meantime does not count.
        guard takes, replicas[replica] == .asked else { return [] }
        replicas[replica] = .taking
        return settle()
    }

    /// A replica's process has ended, or is about to.
    package mutating func gone(_ replica: ReplicaID) -> [Action] {
        replicas[replica] = nil
        return settle()
    }

    /// The instance ends: the front takes what still waits for a process.
    package mutating func end() -> [Action] {
        isEnding = true
        for replica in replicas.keys { replicas[replica] = .idle }
        return settle()
    }

    private mutating func settle() -> [Action] {
        guard case .shared(let takes) = front else { return [] }
        let wanted = !replicas.values.contains(.taking)
        guard wanted != takes else { return [] }
        front = .shared(takes: wanted)
        return [.front(takes: wanted)]
    }
}
