import SwerveControl
import SwerveCore

/// What went wrong in a simulation.
struct Violation: Error, CustomStringConvertible {
    var description: String
}

/// The replicas and callers that a simulated controller acts on. Throws if the controller takes an illegal action.
struct World {
    enum Phase { case starting, ready, draining, stopping }

    struct Replica {
        let spec: DeploymentSpec
        var phase = Phase.starting
        var readySince: MonotonicTime?
        var probed: MonotonicTime?
        /// How often the controller stopped it.
        var stops = 0
        var isLive: Bool { phase == .starting || phase == .ready }
        /// Whether the controller need not wait for it any longer.
        var isStuck: Bool { stops > 6 }
    }

    /// All replicas that were started and are not gone.
    var replicas: [ReplicaID: Replica] = [:]
    var lastNumber: UInt64 = 0
    /// The replicas that callers may call. A withdrawn deployment has no entry.
    var published: [DeploymentID: [ReplicaID]] = [:]
    var routes: [RouteEntry] = []
    /// The latest accepted spec of each application that was not deleted.
    var goals: [String: ApplicationSpec] = [:]
    /// The latest spec of each deployment that was not withdrawn as deleted.
    var deployments: [DeploymentID: DeploymentSpec] = [:]
    /// For each deployment, the spec that a failed roll-out falls back to: the last one that was complete, or the first
    /// one that served.
    var trusted: [DeploymentID: DeploymentSpec] = [:]
    /// The deployments that run their trusted spec since the latest deploy.
    var fellBack: Set<DeploymentID> = []
    /// For each delete that has not ended, the replicas that must be gone first.
    var deleting: [String: Set<ReplicaID>] = [:]
    /// The applications whose deploy has not been answered.
    var waiting: Set<String> = []
    var failed: Set<String> = []
    /// The rare events that happened.
    var reached: Set<Milestone> = []

    enum Milestone: CaseIterable {
        /// A failed roll-out restarted replicas of the version before it.
        case fallback
        /// A deploy failed although some of its replicas serve.
        case partialFailure
        /// A failed deploy became complete after all.
        case lateSuccess
        /// A replica that had lasted was replaced at once.
        case replacement
        /// An application was deleted while some of its replicas were starting, or while one could not be stopped.
        case deleteWhileStarting, deleteWithoutEnd
    }

    func live(_ deployment: DeploymentID) -> [ReplicaID] {
        replicas.filter { $0.key.deployment == deployment && $0.value.isLive }.keys.sorted()
    }

    // MARK: What the simulation does

    mutating func deployed(_ spec: ApplicationSpec) {
        goals[spec.name] = spec
        failed.remove(spec.name)
        waiting.insert(spec.name)
        for deployment in spec.deployments {
            let id = deployment.id
            if let last = deployments[id], last.revision != deployment.revision {
                let known = trusted[id]
                let serves = !published[id, default: []].isEmpty && isCurrent(published[id, default: []], last)
                if last.options.numReplicas == 0 {
                    trusted[id] = nil
                } else if known.map({ $0.revision == last.revision }) ?? serves {
                    trusted[id] = last
                }
            }
            deployments[id] = deployment
            fellBack.remove(id)
        }
    }

    mutating func deleted(_ application: String) {
        guard goals.removeValue(forKey: application) != nil else { return }
        let own = replicas.filter { $0.key.deployment.application == application }
        deleting[application] = Set(own.keys)
        if own.values.contains(where: { $0.phase == .starting }) { reached.insert(.deleteWhileStarting) }
    }

    mutating func delivers(_ event: ReplicaEvent, of replica: ReplicaID, now: MonotonicTime) {
        switch event {
        case .ready:
            guard replicas[replica]?.phase == .starting else { return }
            replicas[replica]?.phase = .ready
            replicas[replica]?.readySince = now
        case .exited: replicas[replica] = nil
        case .probeAnswered: replicas[replica]?.probed = nil
        case .placed, .launched, .initializationFailed, .drained: break
        }
    }

    /// Whether the replica has the current version and has run for a while, so that its end is not a failed start.
    func hasLasted(_ replica: ReplicaID, now: MonotonicTime) -> Bool {
        guard let known = replicas[replica], known.phase == .ready, let since = known.readySince else { return false }
        return now - since >= .seconds(10) && known.spec.revision == effective(replica.deployment)?.revision
    }

    /// - Parameter actions: the controller's actions after the end of a replica that had lasted.
    mutating func checkReplacement(of replica: ReplicaID, _ actions: [ControlAction]) throws {
        let id = replica.deployment
        guard let spec = effective(id), live(id).count < spec.options.numReplicas else { return }
        let isStarted = actions.contains { if case .start(let next, _) = $0 { next.deployment == id } else { false } }
        reached.insert(.replacement)
        if !isStarted { throw illegal("\(replica) had lasted, but is not replaced at once: \(actions)") }
    }

    /// The spec that the deployment's replicas are started from.
    func effective(_ id: DeploymentID) -> DeploymentSpec? {
        fellBack.contains(id) ? trusted[id] : deployments[id]
    }

    // MARK: What the controller does

    /// - Parameter isTick: whether time passed, the only reason to stop a running replica without draining it.
    mutating func perform(_ actions: [ControlAction], now: MonotonicTime, isTick: Bool) throws {
        let before = (published, fellBack)
        for action in actions {
            do { try perform(action, now: now, isTick: isTick) } catch let violation as Violation {
                throw Violation(description: "\(action): \(violation) in \(actions)")
            }
        }
        for id in fellBack.subtracting(before.1) {
            let isWanted = goals[id.application]?.deployments.contains { $0.id == id } ?? false
            if isWanted && !failed.contains(id.application) { throw illegal("\(id) fell back without a report") }
        }
        for name in failed where reached.contains(.partialFailure) && isRunning(name) { reached.insert(.lateSuccess) }
        for (id, spec) in deployments where isComplete(id, spec) {
            if spec.options.numReplicas > 0 {
                trusted[id] = spec
            } else if trusted[id]?.revision != spec.revision {
                trusted[id] = nil
            }
        }
        for (id, was) in before.0 where !was.isEmpty && published[id, default: []].isEmpty {
            guard let spec = deployments[id], spec.options.numReplicas > 0 else { continue }
            let alive = was.filter { replicas[$0]?.phase == .ready || replicas[$0]?.phase == .draining }
            if !alive.isEmpty { throw Violation(description: "\(id) is out of service, but \(alive) could serve") }
        }
        try check()
    }

    private mutating func perform(_ action: ControlAction, now: MonotonicTime, isTick: Bool) throws {
        switch action {
        case .start(let replica, let spec):
            if replica.number <= lastNumber { throw illegal("a number used before") }
            lastNumber = replica.number
            if deployments[replica.deployment] != spec || fellBack.contains(replica.deployment) {
                if trusted[replica.deployment] != spec {
                    throw illegal("neither the latest spec nor the last good one")
                }
                fellBack.insert(replica.deployment)
                reached.insert(.fallback)
            }
            replicas[replica] = Replica(spec: spec)
        case .publish(let id, let set, _):
            if deployments[id] == nil { throw illegal("publishes a deleted deployment") }
            if set != set.sorted() { throw illegal("not sorted") }
            if !set.allSatisfy({ $0.deployment == id && replicas[$0]?.phase == .ready }) {
                throw illegal("publishes a replica that is not ready")
            }
            published[id] = set
        case .withdraw(let id, let reason):
            published[id] = nil
            if reason.code == .deleted {
                let wanted = goals[id.application]?.deployments.contains { $0.id == id } ?? false
                if goals[id.application] != nil, routes.contains(where: { $0.ingress == id }) {
                    throw illegal("a route still leads to it")
                }
                if wanted || deployments.removeValue(forKey: id) == nil { throw illegal("deleted without cause") }
                trusted[id] = nil
                fellBack.remove(id)
            }
        case .exposeRoutes(let table):
            if table == routes || table != table.sorted(by: { $0.prefix < $1.prefix }) { throw illegal("bad routes") }
            routes = table
        case .drain(let replica):
            try leave(replica, from: [.ready], to: .draining)
        case .stop(let replica):
            try leave(replica, from: [.starting, .draining, .stopping] + (isTick ? [.ready] : []), to: .stopping)
            replicas[replica]?.stops += 1
        case .probe(let replica):
            guard let known = replicas[replica], known.phase == .ready else { throw illegal("not running") }
            if let probed = known.probed, now - probed < known.spec.options.healthCheckTimeout {
                throw illegal("a probe is outstanding")
            }
            replicas[replica]?.probed = now
        case .applicationRunning(let name):
            if waiting.remove(name) == nil || !isRunning(name) { throw illegal("not running, or nobody waits") }
        case .applicationFailed(let name, _):
            if waiting.remove(name) == nil { throw illegal("nobody waits") }
            guard let goal = goals[name] else { return }
            failed.insert(name)
            let serves = goal.deployments.contains { spec in
                let set = published[spec.id, default: []]
                return !set.isEmpty && set.count < spec.options.numReplicas && isCurrent(set, spec)
            }
            if serves { reached.insert(.partialFailure) }
        case .applicationDeleted(let name):
            let left = deleting.removeValue(forKey: name)?.first { replicas[$0].map { !$0.isStuck } ?? false }
            if let left { throw illegal("\(left) is left over") }
            if replicas.contains(where: { $0.key.deployment.application == name && $0.value.isStuck }) {
                reached.insert(.deleteWithoutEnd)
            }
        }
    }

    private mutating func leave(_ replica: ReplicaID, from phases: [Phase], to phase: Phase) throws {
        guard let known = replicas[replica], phases.contains(known.phase) else { throw illegal("in the wrong state") }
        if published[replica.deployment, default: []].contains(replica) { throw illegal("still published") }
        replicas[replica]?.phase = phase
    }

    /// Whether the application matches its spec and has no other deployments.
    func isRunning(_ name: String) -> Bool {
        guard let goal = goals[name] else { return false }
        return goal.deployments.allSatisfy { isComplete($0.id, $0) }
            && deployments.keys.allSatisfy { id in
                id.application != name || goal.deployments.contains { $0.id == id }
            }
    }

    /// Whether the deployment has exactly the replicas that `spec` wants, and no others serve.
    private func isComplete(_ id: DeploymentID, _ spec: DeploymentSpec) -> Bool {
        guard let set = published[id] else { return false }
        return set.count == spec.options.numReplicas && set == live(id) && isCurrent(set, spec)
    }

    private func isCurrent(_ set: [ReplicaID], _ spec: DeploymentSpec) -> Bool {
        set.allSatisfy { replicas[$0]?.spec.revision == spec.revision }
    }

    /// Checks what must hold after every step.
    private func check() throws {
        let all = Dictionary(grouping: replicas.lazy.filter(\.value.isLive).map(\.key), by: \.deployment)
        for id in Set(all.keys).union(published.keys) {
            let live = all[id, default: []]
            guard let spec = effective(id) else {
                if !live.isEmpty || published[id] != nil { throw illegal("\(id) is deleted, but has \(live)") }
                continue
            }
            let current = live.filter { replicas[$0]?.spec.revision == spec.revision }
            if current.count > spec.options.numReplicas { throw illegal("too many: \(current)") }
            let idle = Set(live).subtracting(current).subtracting(published[id, default: []])
            if published[id] == nil, live.contains(where: { replicas[$0]?.phase == .ready }) {
                throw illegal("\(id) is withdrawn, but could serve")
            }
            if !idle.isEmpty { throw illegal("old and idle: \(idle)") }
        }
        for route in routes where deployments[route.ingress] == nil || goals[route.application] == nil {
            throw illegal("\(route) leads nowhere")
        }
    }

    private func illegal(_ what: String) -> Violation { Violation(description: what) }
}
