import NIOCore
import SwerveControl
import SwerveCore
import SwerveTransport
import Synchronization

/// What must hold of the orders that replicas get, whoever gives them, judged by the processes that exist.
final class Audit: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    struct Replica {
        let spec: DeploymentSpec
        let reservation: Reservation
        /// The most requests that it was ever allowed at a time.
        var limit: Int
        var ongoing = 0
        var isReady = false
        /// Whether callers were told of it.
        var wasPublished = false
        var drainsSince: NIODeadline?
        var hasDrained = false
        /// Whether its process, or its place in the main process, exists.
        var exists = false
        var isGone = false
        /// Whether something happened to it that its requests need not survive.
        var isHurt = false
        /// Whether it is gone and nobody has a connection to it any more.
        var isForgotten = false
    }
    unowned let world: World
    let nodes: [String: NodeResources]
    private(set) var replicas: [ReplicaID: Replica] = [:]
    struct WeakReplica {
        weak var replica: SimReplica?
    }
    var simReplicas: [WeakReplica] = []
    /// The attempts that are not over.
    var attempts: [ObjectIdentifier: SimAttempt.WeakAttempt] = [:]
    /// When the callers of calls had their answers.
    var over: [Int: NIODeadline] = [:]
    /// The streams of elements, by the number of their request.
    var flows: [Int: SimFlow] = [:]
    /// The items of batches that failed.
    var spoilt: Set<Int> = []
    /// The models of which a load failed.
    var failedLoads: Set<String> = []
    /// How often things happened in all histories.
    static let counts = Mutex<[String: Int]>([:])
    /// The replicas that began each request.
    private(set) var begun: [Int: [ReplicaID]] = [:]
    /// When something last happened to a replica, in steps of the world.
    private var lastHurt = -1
    /// The deployments whose callers are refused, and when others last were.
    private var withdrawn: Set<DeploymentID> = []
    private var lastWithdrawn: [DeploymentID: Int] = [:]
    private var routed: Set<String> = []
    private var lastUnrouted: [String: Int] = [:]
    /// The deployments that callers were ever told of.
    private(set) var known: Set<DeploymentID> = []
    /// How many replicas were started, drained and stopped.
    private(set) var orders = 0
    /// How many replicas failed to start.
    private(set) var failedStarts = 0
    /// When a replica was last told to stop, in steps of the world.
    private(set) var lastStop = -1
    /// The applications that the operator has asked to delete.
    var deleted: Set<String> = []
    /// Whether the operator has asked to end the instance.
    var isShuttingDown = false

    init(_ world: World, _ nodes: [String: NodeResources]) {
        self.world = world
        self.nodes = nodes
    }

    private var isSeparate: Bool { world.disk != nil }

    // MARK: Orders

    /// A separate controller's orders come from its process, and only from the newest one's.
    func ordered(_ what: @autoclosure () -> String) {
        guard isSeparate else { return }
        let sender = world.sender
        world.check(
            sender?.isController == true && sender === world.launcher.controller,
            "\(what()): ordered by \(sender?.name ?? "nobody"), not by \(world.launcher.controller?.name ?? "nobody")"
        )
    }

    private func changes(_ what: String) {
        world.note(what)
        ordered(what)
    }

    func starts(_ replica: ReplicaID, _ spec: DeploymentSpec, _ reservation: Reservation) {
        changes("start of \(replica)")
        orders += 1
        world.check(replicas[replica] == nil, "\(replica) is started twice")
        replicas[replica] = Replica(spec: spec, reservation: reservation, limit: spec.options.maxOngoingRequests)
        if spec.options.placement == .inProcess { processStarted(replica) }
    }

    func drains(_ replica: ReplicaID) {
        changes("drain of \(replica)")
        orders += 1
        if replicas[replica]?.drainsSince == nil { replicas[replica]?.drainsSince = world.now }
    }

    func reconfigures(_ replica: ReplicaID, _ spec: DeploymentSpec) {
        changes("change of \(replica)")
        guard let limit = replicas[replica]?.limit else { return }
        replicas[replica]?.limit = max(limit, spec.options.maxOngoingRequests)
    }

    /// A replica that serves is stopped only once it has drained, or its time for that is over.
    func stops(_ replica: ReplicaID) {
        lastStop = world.trace.count
        changes("stop of \(replica)")
        orders += 1
        guard isSeparate, let entry = replicas[replica], entry.wasPublished, !entry.hasDrained, !entry.isGone else {
            return
        }
        let patience = TimeAmount.nanoseconds(entry.spec.options.gracefulShutdownTimeout.nanoseconds)
        // The controller counts from its decision, which it stores before it sends the order.
        let isOver = entry.drainsSince.map { $0 + patience <= world.now + .seconds(5) } ?? false
        world.check(
            isOver || entry.isHurt || isShuttingDown,
            "\(replica) is stopped in the middle of its requests"
        )
        hurt(replica)
    }

    func publishes(_ message: ControlMessage, of deployment: DeploymentID) {
        let set = if case .publish(_, let published, _) = message { "\(published.map(\.id.number))" } else { "none" }
        changes("publication of \(deployment): \(set)")
        known.insert(deployment)
        guard isSeparate else { return }
        if case .publish(_, let published, _) = message {
            for replica in published { replicas[replica.id]?.wasPublished = true }
        }
        if case .withdraw(_, let error) = message {
            withdrawn.insert(deployment)
            let isTrue =
                error.code == .deleted
                ? deleted.contains(deployment.application) || isShuttingDown || isLeftOut(deployment) : failedStarts > 0
            world.check(isTrue, "\(deployment) is withdrawn without a reason: \(error)")
        } else if withdrawn.remove(deployment) != nil {
            lastWithdrawn[deployment] = world.trace.count
        }
    }

    /// Whether the application's latest spec does not include the deployment, or the one before did not.
    private func isLeftOut(_ deployment: DeploymentID) -> Bool {
        guard let spec = world.disk?.applications[deployment.application]?.spec else { return true }
        let specs = [spec, world.disk?.before[deployment.application]?.spec].compactMap(\.self)
        return specs.contains { spec in !spec.deployments.contains { $0.id == deployment } }
    }

    func exposes(_ routes: [RouteEntry]) {
        let new = Set(routes.map(\.application))
        for application in routed.subtracting(new) { lastUnrouted[application] = .max }
        for application in new.subtracting(routed) { lastUnrouted[application] = world.trace.count }
        routed = new
    }

    // MARK: Reports

    func reported(_ event: ReplicaEvent, of replica: ReplicaID) {
        world.note("\(replica): \(event)")
        switch event {
        case .ready: replicas[replica]?.isReady = true
        case .drained: replicas[replica]?.hasDrained = true
        case .initializationFailed: failedStarts += 1
        case .exited:
            if replicas[replica]?.isReady == false { failedStarts += 1 }
            replicas[replica]?.exists = false
            replicas[replica]?.isGone = true
            // Its connections are closed a second later, and until then requests are sent to it.
            if replicas[replica]?.isHurt == true {
                _ = world.main.loop.scheduleTask(in: .seconds(2)) { [weak self] in self?.forget(replica) }
            }
        default: break
        }
    }

    // MARK: Processes and requests

    func processStarted(_ replica: ReplicaID) {
        guard let node = replicas[replica]?.reservation.node else { return }
        replicas[replica]?.exists = true
        if let free = free[node], free.isOverCommitted {
            world.fail("\(node) is over-committed by \(replica): \(free)")
        }
    }

    func processEnded(_ replica: ReplicaID) { replicas[replica]?.exists = false }

    /// Something happens to a replica that its requests need not survive.
    func hurt(_ replica: ReplicaID) {
        replicas[replica]?.isHurt = true
        lastHurt = world.trace.count
    }

    private func forget(_ replica: ReplicaID) {
        replicas[replica]?.isForgotten = true
        lastHurt = world.trace.count
    }

    func began(_ number: Int, on replica: ReplicaID?) {
        guard let replica, let entry = replicas[replica] else { return }
        begun[number, default: []].append(replica)
        replicas[replica]?.ongoing += 1
        world.check(
            entry.ongoing < entry.limit,
            "\(replica) handles \(entry.ongoing + 1) requests at a time, not \(entry.limit)"
        )
    }

    func ended(on replica: ReplicaID?) {
        if let replica { replicas[replica]?.ongoing -= 1 }
    }

    /// Whether a request may fail that was sent at some step: something happened to a replica that had it, or could have
    /// had it.
    func mayLose(_ order: SimOrder, since: Int) -> Bool {
        order.work == .hang || lastHurt >= since || replicas.values.contains { $0.isHurt && !$0.isForgotten }
            || (begun[order.number] ?? []).contains { replicas[$0]?.isHurt ?? true }
    }

    /// Whether callers could have been refused since some step.
    func wasRefused(_ deployment: DeploymentID, since: Int) -> Bool {
        withdrawn.contains(deployment) || lastWithdrawn[deployment, default: -1] >= since
            || lastUnrouted[deployment.application, default: .max] >= since
    }
}
