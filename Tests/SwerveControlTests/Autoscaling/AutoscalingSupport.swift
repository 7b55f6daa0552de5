import SwerveControl
import SwerveCore

/// An autoscaled deployment whose delays are easy to count with: 2 ongoing requests a replica, the load of the last
/// second, one second until replicas start, ten until they leave.
func autoscaled(
    _ min: Int = 1,
    _ max: Int = 10,
    version: UInt8 = 1,
    maxOngoingRequests: Int = 100,
    change: (inout Autoscaling) -> Void = { _ in }
) -> DeploymentSpec {
    var settings = Autoscaling(
        minReplicas: min,
        maxReplicas: max,
        upscaleDelay: .seconds(1),
        downscaleDelay: .seconds(10),
        lookBack: .seconds(1),
        startsForQueue: false
    )
    change(&settings)
    return deployment("web", 1, version: version) {
        $0.autoscaling = settings
        $0.maxOngoingRequests = maxOngoingRequests
    }
}

extension Bench {
    mutating func load(
        _ ongoing: Int,
        queued: Int = 0,
        from source: LoadSource = .instance,
        on deployment: String = "web"
    ) -> [ControlAction] {
        let load = Load(queued: queued, ongoing: ongoing)
        return state.report([id(deployment): load], from: source, now: now)
    }

    /// Lets time pass, with every tick that becomes due. Replicas do at once what they are told.
    ///
    /// - Returns: the actions, without those that only keep replicas alive or end them after draining.
    mutating func pass(_ duration: Duration) -> [ControlAction] {
        let end = now + duration
        var actions: [ControlAction] = []
        while let due = state.nextWakeUp, due <= end {
            if due > now { now = due }
            var new = state.tick(now: now)
            obey(&new)
            actions += new
        }
        now = end
        return actions
    }

    /// Lets replicas do what `actions` tell them, and adds what the controller does then.
    mutating func obey(_ actions: inout [ControlAction]) {
        var index = 0
        while index < actions.count {
            switch actions[index] {
            case .start(let replica, _, _): actions += report(.ready, replica)
            case .drain(let replica): actions += report(.drained, replica)
            case .stop(let replica): actions += report(.exited(reason: "stopped"), replica)
            case .probe(let replica): actions += report(.probeAnswered, replica)
            default: break
            }
            index += 1
        }
        actions.removeAll { $0.isProbe || $0.isStop }
    }

    var target: Int? { status()?.target.replicas }
}

extension ControlAction {
    var isProbe: Bool { if case .probe = self { true } else { false } }
    var isStop: Bool { if case .stop = self { true } else { false } }
}
