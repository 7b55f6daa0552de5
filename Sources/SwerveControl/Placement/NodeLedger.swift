package import SwerveCore

/// Which replicas hold how much of which node. A replica has a reservation from the decision to start it until it is
/// gone, so the sum of reservations never exceeds what a node has.
package struct NodeLedger: Hashable, Sendable {
    /// Sorted by name.
    private var nodes: [LedgerNode]
    /// The index of each replica's node, by deployment and number.
    private var places: [DeploymentID: [UInt64: Int]] = [:]

    /// One node on which nothing can be reserved.
    package static let nothing = [ReplicaPlace.local: NodeResources(cpus: 0, memory: 0)]

    /// - Parameter nodes: by name.
    package init(_ nodes: [String: NodeResources]) {
        self.nodes = nodes.sorted { $0.key < $1.key }.map { LedgerNode($0.key, $0.value) }
    }

    /// Reserves what a replica needs on one node.
    ///
    /// - Throws: ``Shortage`` if no node has enough free; then nothing changes.
    package mutating func reserve(
        _ replica: ReplicaID,
        _ need: Resources,
        _ rule: PlacementRule = PlacementRule()
    ) throws(Shortage) -> Reservation {
        precondition(place(of: replica) == nil, "a replica is placed once")
        let counts = counts(of: replica.deployment, rule)
        guard let index = best(for: need, counts, rule) else { throw shortage(need, counts, rule) }
        places[replica.deployment, default: [:]][replica.number] = index
        return nodes[index].take(need, for: replica)
    }

    /// Enters what a replica already holds, as an earlier ledger gave it out; nothing if its node is gone.
    package mutating func enter(_ reservation: Reservation, of replica: ReplicaID) {
        guard place(of: replica) == nil, let index = index(of: reservation.node) else { return }
        places[replica.deployment, default: [:]][replica.number] = index
        nodes[index].enter(reservation, of: replica)
    }

    /// Reserves what a replica with these options needs.
    mutating func reserve(_ replica: ReplicaID, _ options: DeploymentOptions) throws(Shortage) -> Reservation {
        try reserve(replica, options.resources, PlacementRule(options))
    }

    /// Whether there is room for another replica of a deployment.
    func hasRoom(for spec: DeploymentSpec) -> Bool {
        let rule = PlacementRule(spec.options)
        return best(for: spec.options.resources, counts(of: spec.id, rule), rule) != nil
    }

    /// Gives back what a replica held; nothing if it held nothing.
    ///
    /// - Returns: whether that makes room for others.
    package mutating func release(_ replica: ReplicaID) -> Bool {
        guard let index = places[replica.deployment]?.removeValue(forKey: replica.number) else { return false }
        if places[replica.deployment]?.isEmpty == true { places[replica.deployment] = nil }
        return nodes[index].giveBack(replica)
    }

    package func reservation(of replica: ReplicaID) -> Reservation? {
        place(of: replica).flatMap { nodes[$0].reservation(of: replica) }
    }

    private func place(of replica: ReplicaID) -> Int? { places[replica.deployment]?[replica.number] }

    /// The index of the node with this name.
    private func index(of name: String) -> Int? {
        var range = nodes[...]
        while !range.isEmpty {
            let middle = range.startIndex + range.count / 2
            if nodes[middle].name == name { return middle }
            range = nodes[middle].name < name ? range[(middle + 1)...] : range[..<middle]
        }
        return nil
    }

    /// How many replicas of the deployment each node has; empty if the rule does not ask.
    private func counts(of deployment: DeploymentID, _ rule: PlacementRule) -> [Int] {
        if rule.strategy == .pack, rule.maxReplicasPerNode == nil { return [] }
        var counts = Array(repeating: 0, count: nodes.count)
        for index in (places[deployment] ?? [:]).values { counts[index] += 1 }
        return counts
    }

    /// What is wrong with a demand that could never be met, even if nothing else ran; `nil` if it could.
    package func problem(
        _ need: Resources,
        replicas: Int,
        of deployment: DeploymentID,
        _ rule: PlacementRule
    ) -> String? {
        if nodes.isEmpty { return "there is no node" }
        var room = 0
        for node in nodes where room < max(replicas, 1) {
            let (sum, isMore) = room.addingReportingOverflow(node.capacity(for: need, rule))
            room = isMore ? .max : sum
        }
        if room >= max(replicas, 1) { return nil }
        // Placing those that fit shows what the next one lacks.
        var empty = NodeLedger([:])
        empty.nodes = nodes.map { LedgerNode($0.name, $0.total) }
        for number in 0..<UInt64(max(replicas, 1)) {
            do {
                _ = try empty.reserve(ReplicaID(deployment: deployment, number: number), need, rule)
            } catch {
                let count = number == 0 ? "a replica" : "\(replicas) replicas, of which \(number) fit: each"
                return "\(count) \(error.summary)"
            }
        }
        return nil
    }

    /// - Throws: ``ServeError`` with code `insufficientResources` if so many replicas could never run together.
    func check(_ spec: DeploymentSpec, replicas: Int) throws(ServeError) {
        let rule = PlacementRule(spec.options)
        guard let problem = problem(spec.options.resources, replicas: replicas, of: spec.id, rule) else { return }
        throw ServeError(.insufficientResources, "deployment '\(spec.id)': \(problem)", deployment: spec.id)
    }

    /// - Throws: ``ServeError`` with code `insufficientResources` if the application's replicas could never run
    ///   together, even if nothing else ran. Some that could not, because parts do not fit, are not noticed.
    func check(_ spec: ApplicationSpec) throws(ServeError) {
        for deployment in spec.deployments { try check(deployment, replicas: deployment.options.firstReplicas) }
        func compare(_ unit: String, _ need: (Resources) -> Double, _ own: (NodeResources) -> Double) throws(ServeError)
        {
            let wanted = spec.deployments.reduce(0) { sum, deployment in
                sum + need(deployment.options.resources) * Double(deployment.options.firstReplicas)
            }
            let total = nodes.reduce(0) { $0 + own($1.total) }
            if wanted <= total { return }
            // Rounded as `Resources.Amount`s are shown.
            let (needed, there) = (Resources.Amount(wanted / 10_000), Resources.Amount(total / 10_000))
            throw ServeError(
                .insufficientResources,
                "application '\(spec.name)': its deployments need \(needed) \(unit) together; there is \(there) in all"
            )
        }
        // In ten-thousandths, of a mebibyte for memory. Their doubles are exact.
        func units(_ amount: Resources.Amount?) -> Double { Double(amount?.tenThousandths ?? 0) }
        let mebibyte = 10_000.0 / Double(1 << 20)
        try compare("cpu", { units($0.cpus) }, { units($0.cpus) })
        try compare("gpu", { units($0.gpus) }, { Double($0.gpus.count) * 10_000 })
        try compare("MiB of memory", { Double($0.memory) * mebibyte }, { Double($0.memory) * mebibyte })
        for name in Set(spec.deployments.flatMap(\.options.resources.custom.keys)).sorted() {
            try compare(name, { units($0.custom[name]) }, { units($0.custom[name]) })
        }
    }

    // MARK: Choosing

    /// The first of the best nodes with room; `nil` if there is none.
    private func best(for need: Resources, _ counts: [Int], _ rule: PlacementRule) -> Int? {
        var best: Int?
        for index in nodes.indices {
            let count = counts.isEmpty ? 0 : counts[index]
            if let best, !isBetter(index, than: best, counts, rule) { continue }
            if nodes[index].hasRoom(for: need, beside: count, rule) { best = index }
        }
        return best
    }

    private func isBetter(_ one: Int, than other: Int, _ counts: [Int], _ rule: PlacementRule) -> Bool {
        switch rule.strategy.kind {
        case .pack: nodes[one].load > nodes[other].load
        case .spread: (counts[one], nodes[one].load) < (counts[other], nodes[other].load)
        }
    }

    /// What the node that comes closest lacks.
    private func shortage(_ need: Resources, _ counts: [Int], _ rule: PlacementRule) -> Shortage {
        func count(_ index: Int) -> Int { counts.isEmpty ? 0 : counts[index] }
        var closest: (index: Int, closeness: Double)?
        for index in nodes.indices {
            guard let closeness = nodes[index].closeness(need, beside: count(index), rule) else { continue }
            if closest.map({ closeness >= $0.closeness }) ?? true { closest = (index, closeness) }
        }
        let problem = closest.flatMap { nodes[$0.index].problem(need, beside: count($0.index), rule) }
        guard var shortage = problem else {
            return Shortage(summary: "needs \(need); there is no node", holders: "")
        }
        if nodes.count > 1 { shortage.summary += " (the closest of \(nodes.count) nodes)" }
        return shortage
    }
}

/// How nodes are chosen for the replicas of a deployment.
package struct PlacementRule: Hashable, Sendable {
    package var strategy: DeploymentOptions.PlacementStrategy
    package var maxReplicasPerNode: Int?

    package init(_ strategy: DeploymentOptions.PlacementStrategy = .spread, maxReplicasPerNode: Int? = nil) {
        self.strategy = strategy
        self.maxReplicasPerNode = maxReplicasPerNode
    }

    init(_ options: DeploymentOptions) {
        self.init(options.placementStrategy, maxReplicasPerNode: options.maxReplicasPerNode)
    }
}

/// Why a replica cannot be placed now.
package struct Shortage: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is needed and what is free, such as "needs 0.3 gpu; node local has 0.2 of 1 free".
    var summary: String
    /// Who holds the rest.
    let holders: String

    package var description: String { holders.isEmpty ? summary : "\(summary); held by \(holders)" }
}
