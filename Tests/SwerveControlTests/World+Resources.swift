import SwerveControl
import SwerveCore

/// What the simulated nodes have, and an account of who holds how much of it, beside the controller's own.
extension World {
    /// What is free of one node.
    struct Free {
        var cpus: Int64
        var memory: Int
        /// Of each device, by its id.
        var gpus: [String: Int64]
        /// How many replicas each deployment has here.
        var counts: [DeploymentID: Int] = [:]

        init(_ node: NodeResources) {
            cpus = node.cpus.tenThousandths
            memory = node.memory
            gpus = Dictionary(uniqueKeysWithValues: node.gpus.map { ($0.id, 10_000) })
        }

        var isOverCommitted: Bool { cpus < 0 || memory < 0 || gpus.values.contains { $0 < 0 } }

        mutating func take(_ reservation: Reservation, for deployment: DeploymentID) {
            let need = reservation.resources
            cpus -= need.cpus.tenThousandths
            memory -= need.memory
            for id in reservation.gpus { gpus[id, default: 0] -= min(need.gpus.tenThousandths, 10_000) }
            counts[deployment, default: 0] += 1
        }

        /// How many more replicas with these options fit.
        func room(for options: DeploymentOptions, of deployment: DeploymentID) -> Int {
            let need = options.resources
            var room = (options.maxReplicasPerNode ?? .max) - counts[deployment, default: 0]
            if need.cpus > .zero { room = min(room, Int(cpus / need.cpus.tenThousandths)) }
            if need.memory > 0 { room = min(room, memory / need.memory) }
            let share = need.gpus.tenThousandths
            if share >= 10_000 { room = min(room, gpus.values.count { $0 == 10_000 } / Int(share / 10_000)) }
            if (1..<10_000).contains(share) { room = min(room, gpus.values.reduce(0) { $0 + Int($1 / share) }) }
            return room
        }
    }

    /// What is free of every node.
    ///
    /// - Parameter without: replicas that are taken to be gone.
    func free(without gone: Set<ReplicaID> = []) -> [String: Free] {
        var free = nodes.mapValues { Free($0) }
        for (id, replica) in replicas where !gone.contains(id) {
            free[replica.reservation.node]?.take(replica.reservation, for: id.deployment)
        }
        return free
    }

    func fits(_ spec: DeploymentSpec, _ free: [String: Free]) -> Bool {
        free.values.contains { $0.room(for: spec.options, of: spec.id) > 0 }
    }

    /// Whether the resources that the deployment reserves can force its roll-outs to stop old replicas first.
    func isLimited(_ spec: DeploymentSpec) -> Bool {
        spec.options.resources != Resources() || spec.options.maxReplicasPerNode != nil
    }

    /// Checks a new replica's reservation: all of what it needs, and no more, on a node that may have another one.
    func check(_ reservation: Reservation, for spec: DeploymentSpec) throws {
        if let most = spec.options.maxReplicasPerNode,
            free()[reservation.node]?.counts[spec.id, default: 0] ?? 0 >= most
        {
            throw Violation(description: "more than \(most) on \(reservation.node)")
        }
        let need = spec.options.resources
        guard let node = nodes[reservation.node] else { throw Violation(description: "no node \(reservation.node)") }
        let devices = max(1, Int(need.gpus.tenThousandths / 10_000))
        let count = need.gpus == .zero ? 0 : devices
        let known = Set(node.gpus.map(\.id))
        guard reservation.resources == need, reservation.gpus.count == count, Set(reservation.gpus).count == count,
            known.isSuperset(of: reservation.gpus)
        else { throw Violation(description: "\(reservation) is not what \(need) asks for") }
    }

    /// Checks that no node is over-committed, and that nobody waits for what is free.
    ///
    /// - Parameter status: the controller's.
    mutating func checkResources(_ status: () -> ServeStatus) throws {
        if nodes == NodeLedger.nothing { return }
        let free = free()
        for (name, node) in free where node.isOverCommitted {
            throw Violation(description: "node \(name) is over-committed: \(node)")
        }
        for deployment in status().applications.values.flatMap(\.deployments.values) {
            if deployment.message.contains("old replicas stop first") { reached.insert(.forcedToStopFirst) }
            guard let pending = deployment.pending else { continue }
            reached.insert(.pending)
            guard let spec = effective(deployment.id) else { continue }
            if fits(spec, free) {
                throw Violation(description: "\(deployment.id) waits, \(pending.reason), but there is room: \(free)")
            }
        }
    }

    /// Whether the deployment cannot have more replicas than it has: there is no room for another, also if its own old
    /// ones were gone.
    func isOutOfRoom(_ id: DeploymentID) -> Bool {
        guard let spec = effective(id) else { return false }
        let old = live(id).filter { replicas[$0]?.spec.revision != spec.revision }
        return !fits(spec, free(without: Set(old)))
    }

    /// Whether empty nodes have room for each deployment of the application, and for the sum of all.
    func couldFit(_ spec: ApplicationSpec) -> Bool {
        let empty = nodes.values.map { Free($0) }
        let own = spec.deployments.allSatisfy { deployment in
            let options = deployment.options
            if !isLimited(deployment) { return true }
            let room = empty.reduce(0) { $0 + $1.room(for: options, of: deployment.id) }
            return room >= max(options.numReplicas, 1)
        }
        func sum(_ amount: (Resources) -> Int64) -> Int64 {
            spec.deployments.reduce(0) { $0 + amount($1.options.resources) * Int64($1.options.numReplicas) }
        }
        return own && sum { $0.cpus.tenThousandths } <= empty.reduce(0) { $0 + $1.cpus }
            && sum { Int64($0.memory) } <= empty.reduce(0) { $0 + Int64($1.memory) }
            && sum { $0.gpus.tenThousandths } <= empty.reduce(0) { $0 + Int64($1.gpus.count) * 10_000 }
    }
}
