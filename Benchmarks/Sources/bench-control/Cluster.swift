import SwerveControl
import SwerveCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A kind of change, with all that the machine does until its end.
enum Change: CaseIterable {
    /// Another revision of one deployment of 20 replicas, until the last new one serves.
    case rollout
    /// From 20 replicas to 21 and back.
    case scale
    /// A replica dies, and the next one becomes ready.
    case loss
    /// A process reports another load on an autoscaled deployment.
    case load
    /// A health check is due, and is answered.
    case check
    /// A new application of ten deployments with 20 replicas each.
    case deploy
    /// Its end, until the last replica is gone.
    case delete
}

/// The longest step of a change is what other events wait for.
struct Times {
    private var values: [Double] = []
    /// In microseconds.
    var median: Double { values.sorted()[values.count / 2] }
    var most: Double { values.max() ?? 0 }
    mutating func note(_ time: Double) { values.append(time) }
}

/// A controller of applications of ten deployments with 20 replicas each, on a node for each five deployments. It
/// handles events as its shell does: it keeps a copy until a change is stored, and tells what changed in the status.
struct Cluster {
    private static let perApplication = 10
    private static let replicas = 20
    private var state: ControllerState
    private var now = MonotonicTime.zero
    private let applications: Int
    private var version: UInt8 = 1
    private var longestStep = 0.0
    private var random = SplitMix64(seed: 1)
    private let nodes: [String: NodeResources]

    init(deployments: Int) {
        applications = deployments / Self.perApplication
        let node = NodeResources(
            cpus: 128,
            gpus: (0..<8).map { NodeResources.GPU(id: "\($0)") },
            memory: 512 << 30,
            custom: ["license": 100]
        )
        nodes = Dictionary(uniqueKeysWithValues: (0..<max(1, deployments / 5)).map { ("node-\($0)", node) })
        state = ControllerState(nodes: nodes, isStored: true)
        for number in 0..<applications { bringUp(Self.application(number, version: 1)) }
    }

    private static func application(_ number: Int, version: UInt8) -> ApplicationSpec {
        let name = "application-\(number)"
        return ApplicationSpec(
            name: name,
            routePrefix: "/\(name)",
            ingress: "model-0",
            deployments: (0..<perApplication).map { deployment in
                let scaling = Autoscaling(minReplicas: replicas, maxReplicas: 2 * replicas)
                var options = DeploymentOptions(
                    numReplicas: deployment % 2 == 1 ? 1 : replicas,
                    resources: Resources(cpus: 0.5, gpus: deployment == 1 ? 0.25 : 0, memory: 1 << 30)
                )
                options.autoscaling = deployment % 2 == 1 ? scaling : nil
                options.rollout = .rolling(maxSurge: .count(1), maxUnavailable: .count(0))
                return DeploymentSpec(
                    id: DeploymentID(application: name, deployment: "model-\(deployment)"),
                    typeName: "Model",
                    arguments: [deployment == 0 ? version : 1],
                    options: options,
                    answersHTTP: true
                )
            }
        )
    }

    // MARK: As the shell does

    /// Handles an event, and the reports that follow from it at once.
    ///
    /// - Parameter isAsked: whether a caller asks for it, who is refused what cannot be stored.
    private mutating func handle(
        isAsked: Bool = false,
        _ event: (inout ControllerState, MonotonicTime) throws -> [ControlAction]
    ) {
        var waiting = step(isAsked: isAsked, event)[...]
        while let action = waiting.popFirst() {
            switch action {
            case .start(let replica, _, _): waiting += step { $0.handle(.ready, of: replica, now: $1) }
            case .drain(let replica): waiting += step { $0.handle(.drained, of: replica, now: $1) }
            case .stop(let replica): waiting += step { $0.handle(.exited(reason: "stopped"), of: replica, now: $1) }
            case .probe(let replica): waiting += step { $0.handle(.probeAnswered, of: replica, now: $1) }
            default: break
            }
        }
    }

    private mutating func step(
        isAsked: Bool = false,
        _ event: (inout ControllerState, MonotonicTime) throws -> [ControlAction]
    ) -> [ControlAction] {
        let start = processorTime()
        let before = isAsked ? state : nil
        let actions: [ControlAction]
        do { actions = try event(&state, now) } catch { fatalError("the change was refused: \(error)") }
        if let change = state.unstoredChange() { state.noteStored(change) }
        _ = state.nextWakeUp
        withExtendedLifetime(before) {}
        longestStep = max(longestStep, processorTime() - start)
        return actions
    }

    /// Lets time pass, with all that is due in it.
    private mutating func advance(by time: Duration) {
        let end = now + time
        while let next = state.nextWakeUp, next <= end {
            now = max(now, next)
            handle { $0.tick(now: $1) }
        }
        now = end
    }

    private mutating func bringUp(_ spec: ApplicationSpec) {
        now = now + .milliseconds(7)
        handle(isAsked: true) { try $0.deploy(spec, now: $1) }
    }

    private func status(of id: DeploymentID) -> DeploymentStatus? {
        state.status().applications[id.application]?.deployments[id.deployment]
    }

    // MARK: Changes

    /// The longest steps of many changes, at random places.
    mutating func measure(_ change: Change) -> Times {
        // What is due by now would be part of the first change, and a replica that ran for so long is replaced at once.
        advance(by: .seconds(11))
        var times = Times()
        let added = "application-\(applications)"
        // So few that each lost replica is one that lasted.
        for number in 0..<(change == .loss ? Self.replicas : 100) {
            let place = Int.random(in: 0..<applications, using: &random)
            let id = DeploymentID(application: "application-\(place)", deployment: "model-0")
            advance(by: .milliseconds(20))
            longestStep = 0
            switch change {
            case .rollout:
                version = version == .max ? 1 : version + 1
                bringUp(Self.application(place, version: version))
            case .scale:
                handle(isAsked: true) { try $0.scale(id, to: 21, by: .user, now: $1) }
                handle(isAsked: true) { try $0.scale(id, to: 20, by: .user, now: $1) }
            case .loss:
                guard let lost = status(of: id)?.replicas.first?.id else { fatalError("there is no replica") }
                handle { $0.handle(.exited(reason: "killed"), of: lost, now: $1) }
            case .load:
                let scaled = DeploymentID(application: id.application, deployment: "model-1")
                handle { $0.report([scaled: Load(queued: 0, ongoing: number % 10)], from: .instance, now: $1) }
            case .check:
                now = max(now, state.nextWakeUp ?? now)
                handle { $0.tick(now: $1) }
            case .deploy:
                bringUp(Self.application(applications, version: 1))
                let time = longestStep
                handle(isAsked: true) { try $0.delete(application: added, now: $1) }
                longestStep = time
            case .delete:
                bringUp(Self.application(applications, version: 1))
                longestStep = 0
                handle(isAsked: true) { try $0.delete(application: added, now: $1) }
            }
            times.note(longestStep)
        }
        return times
    }

    /// A new controller takes over all that runs, in microseconds.
    func restart() -> Double {
        var inventory = Inventory()
        for (name, application) in state.goal.applications {
            for (deployment, own) in application.deployments {
                let id = DeploymentID(application: name, deployment: deployment)
                for replica in status(of: id)?.replicas ?? [] {
                    inventory.replicas.append(
                        Inventory.Replica(
                            id: replica.id,
                            spec: own.spec,
                            configuration: own.spec.configuration,
                            reservation: replica.reservation
                                ?? Reservation(node: "node-0", gpus: [], resources: Resources()),
                            phase: .running(since: now),
                            isPublished: true
                        )
                    )
                }
            }
        }
        let start = processorTime()
        var next = ControllerState(goal: state.goal, nodes: nodes, isStored: true)
        next.adopt(inventory, now: now)
        _ = next.tick(now: now)
        return processorTime() - start
    }

    /// Of this thread so far, in microseconds: what other processes do does not count.
    private func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }
}
