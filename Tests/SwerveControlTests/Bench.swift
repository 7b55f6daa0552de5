import SwerveControl
import SwerveCore

/// A controller whose clock only the test moves.
struct Bench {
    var state: ControllerState
    var now = MonotonicTime.zero

    /// - Parameter node: what replicas can reserve on the only node.
    init(node: NodeResources = NodeResources(cpus: 0, memory: 0)) {
        state = ControllerState(nodes: ["local": node])
    }

    mutating func deploy(_ spec: ApplicationSpec) throws(ServeError) -> [ControlAction] {
        try state.deploy(spec, now: now)
    }

    mutating func delete(_ application: String = "shop") throws(ServeError) -> [ControlAction] {
        try state.delete(application: application, now: now)
    }

    mutating func scale(_ deployment: String = "web", to replicas: Int) throws(ServeError) -> [ControlAction] {
        try state.scale(id(deployment), to: replicas, by: .policy, now: now)
    }

    mutating func report(_ event: ReplicaEvent, _ replica: ReplicaID) -> [ControlAction] {
        state.handle(event, of: replica, now: now)
    }

    /// Moves the clock and ticks. Leaves out the warnings about slow starts.
    mutating func wait(_ duration: Duration) -> [ControlAction] {
        tick(after: duration).filter { if case .reportSlowStart = $0 { false } else { true } }
    }

    /// Moves the clock and ticks.
    mutating func tick(after duration: Duration) -> [ControlAction] {
        now = now + duration
        return state.tick(now: now)
    }

    /// Deploys `spec` and lets every started replica become ready.
    mutating func run(_ spec: ApplicationSpec) throws(ServeError) -> [ControlAction] {
        var actions = try deploy(spec)
        for case .start(let replica, _, _) in actions { actions += report(.ready, replica) }
        return actions
    }

    func status(_ deployment: String = "web") -> DeploymentStatus? {
        state.status().applications["shop"]?.deployments[deployment]
    }
}

func id(_ deployment: String = "web", in application: String = "shop") -> DeploymentID {
    DeploymentID(application: application, deployment: deployment)
}

/// The replica with this number.
func r(_ number: UInt64, _ deployment: String = "web", in application: String = "shop") -> ReplicaID {
    ReplicaID(deployment: id(deployment, in: application), number: number)
}

/// A deployment. A different `version` makes a different revision.
func deployment(
    _ name: String = "web",
    _ replicas: Int = 1,
    version: UInt8 = 1,
    in application: String = "shop",
    answersHTTP: Bool = true,
    options change: (inout DeploymentOptions) -> Void = { _ in }
) -> DeploymentSpec {
    var options = DeploymentOptions(numReplicas: replicas)
    change(&options)
    return DeploymentSpec(
        id: id(name, in: application),
        typeName: "Type",
        arguments: [version],
        options: options,
        answersHTTP: answersHTTP
    )
}

/// An application whose ingress is the first of `deployments`.
func application(
    _ deployments: DeploymentSpec...,
    named name: String = "shop",
    prefix: String? = nil
) -> ApplicationSpec {
    ApplicationSpec(
        name: name,
        routePrefix: prefix,
        ingress: deployments.first?.id.deployment ?? "",
        deployments: deployments
    )
}

func route(_ prefix: String, to ingress: DeploymentID, answersHTTP: Bool = true) -> RouteEntry {
    RouteEntry(prefix: prefix, application: ingress.application, ingress: ingress, answersHTTP: answersHTTP)
}

/// The action that publishes replicas of one spec.
func publish(_ replicas: [ReplicaID], _ spec: DeploymentSpec) -> ControlAction {
    publish(replicas.map { ($0, spec) }, pool: spec)
}

/// The action that publishes replicas, each with the limit of the spec that it was started from.
func publish(_ replicas: [(ReplicaID, DeploymentSpec)], pool spec: DeploymentSpec) -> ControlAction {
    let serving = replicas.map { ServingReplica(id: $0, maxOngoingRequests: $1.options.maxOngoingRequests) }
    return .publish(spec.id, serving, PoolOptions(spec.options))
}

/// The `.withdraw` for a deployment that was deleted with its application.
func deleted(_ deployment: String = "web", in application: String = "shop") -> ControlAction {
    let target = id(deployment, in: application)
    let error = ServeError(.deleted, "application '\(application)' was deleted", deployment: target)
    return .withdraw(target, reason: error)
}

/// The `.withdraw` for a deployment that a later spec left out.
func vanished(_ deployment: String) -> ControlAction {
    let message = "deployment 'shop/\(deployment)' was deleted: application 'shop' no longer has it"
    return .withdraw(id(deployment), reason: ServeError(.deleted, message, deployment: id(deployment)))
}
