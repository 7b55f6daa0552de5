import NIOCore
import SwerveControl
import SwerveController
import SwerveCore

/// Somebody who deploys, scales and deletes applications, and remembers what was promised: what the controller said to
/// be done must be on the disk from then on, whatever happens to controllers.
final class Operator: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    enum Change {
        case deploy(ApplicationSpec)
        case delete(String)
        case scale(DeploymentID, to: Int)

        var application: String {
            switch self {
            case .deploy(let spec): spec.name
            case .delete(let name): name
            case .scale(let deployment, _): deployment.application
            }
        }
    }

    /// What an application should be, as far as the operator can know.
    private struct Wanted {
        /// `nil` if it was deleted.
        var spec: ApplicationSpec?
        /// The deployments' numbers of replicas, unless the load decides them.
        var targets: [String: Int] = [:]
        /// The last change that the controller was asked for.
        var last: Int
        /// Whether that is done.
        var isDone = false
        /// Whether a change failed, so that nobody knows what came of it.
        var isUnknown = false
        /// The number of the last deploy or delete, and whether it may still be refused.
        var lastWhole: Int
        var isWholeOpen = true
    }

    private unowned let world: World
    private var wanted: [String: Wanted] = [:]
    private var capacity: (wanted: Int?, number: Int, isDone: Bool)?
    /// The deployments that were ever to be autoscaled.
    private var autoscaled: Set<DeploymentID> = []
    private var count = 0
    /// The changes that are not done.
    private(set) var open = 0
    /// The changes that the controller was not asked for yet.
    private(set) var waiting = 0

    init(_ world: World) {
        self.world = world
        world.disk?.whenStored = { [unowned self] in check() }
    }

    /// The deployed spec of an application, if it is known.
    func spec(_ application: String) -> ApplicationSpec? { wanted[application]?.spec }

    /// The number of replicas that a deployment should have; `nil` if the load decides or it is unknown.
    func target(_ id: DeploymentID) -> Int? {
        guard let own = wanted[id.application], !own.isUnknown else { return nil }
        return own.targets[id.deployment]
    }

    // MARK: Changes

    func ask(_ change: Change) {
        let controller = world.controller!
        open += 1
        waiting += 1
        Task(executorPreference: world.main.executor) { [self] in
            // The request is made in the same step, so requests are made in the order of their numbers.
            let number = begin(change)
            do {
                switch change {
                case .deploy(let spec): try await controller.deploy(spec)
                case .delete(let name): try await controller.delete(name)
                case .scale(let deployment, let replicas):
                    try await controller.scale(deployment, to: replicas, by: .user)
                }
                end(change, number, nil)
            } catch {
                end(change, number, error)
            }
        }
    }

    func setCapacity(_ percent: Int?) {
        let controller = world.controller!
        open += 1
        waiting += 1
        Task(executorPreference: world.main.executor) { [self] in
            count += 1
            waiting -= 1
            let number = count
            capacity = (percent, number, false)
            do {
                try await controller.setTargetCapacity(percent)
                if capacity?.number == number { capacity?.isDone = true }
                world.note("capacity \(percent as Any) is set")
            } catch {
                world.check(mayThrow(error), "the capacity: \(error)")
                if capacity?.number == number { capacity = nil }
            }
            open -= 1
            check()
        }
    }

    private func begin(_ change: Change) -> Int {
        count += 1
        waiting -= 1
        world.note("change \(count): \(describe(change))")
        let name = change.application
        switch change {
        case .deploy(let spec):
            var targets: [String: Int] = [:]
            for own in spec.deployments {
                if own.options.autoscaling == nil {
                    targets[own.id.deployment] = own.options.numReplicas
                } else {
                    autoscaled.insert(own.id)
                }
            }
            wanted[name] = Wanted(spec: spec, targets: targets, last: count, lastWhole: count)
        case .delete:
            wanted[name] = Wanted(last: count, lastWhole: count)
            world.audit.deleted.insert(name)
        case .scale(let deployment, let replicas):
            let own = wanted[name]?.spec?.deployments.first { $0.id == deployment }
            if let own, own.options.autoscaling == nil { wanted[name]?.targets[deployment.deployment] = replicas }
            wanted[name]?.last = count
            wanted[name]?.isDone = false
        }
        return count
    }

    private func describe(_ change: Change) -> String {
        switch change {
        case .deploy(let spec):
            let own = spec.deployments.map { own in
                let options = own.options
                let number =
                    options.autoscaling.map { "\($0.minReplicas)-\($0.maxReplicas)" } ?? "\(options.numReplicas)"
                return "\(own.id) \(number) × \(options.maxOngoingRequests) \(options.placement) \(options.rollout) "
                    + "\(options.resources)"
            }
            return "deploy \(own)"
        case .delete(let name): return "delete \(name)"
        case .scale(let deployment, let replicas): return "scale \(deployment) to \(replicas)"
        }
    }

    private func end(_ change: Change, _ number: Int, _ error: (any Error)?) {
        open -= 1
        world.note("change \(number) \(error.map { "failed: \($0)" } ?? "is done")")
        let name = change.application
        if wanted[name]?.lastWhole == number { wanted[name]?.isWholeOpen = false }
        if let error {
            world.check(mayThrow(error, change), "change \(number), \(describe(change)): \(error)")
            if let last = wanted[name]?.lastWhole, last <= number { wanted[name]?.isUnknown = true }
        } else if wanted[name]?.last == number {
            wanted[name]?.isDone = true
        }
        check()
    }

    private func mayThrow(_ error: any Error, _ change: Change? = nil) -> Bool {
        guard let error = error as? ServeError else { return false }
        switch (error.code, change) {
        case (.system, _): return world.disk.map { $0.failsOneIn > 0 || $0.hasFailed } ?? false
        case (.shutDown, _): return world.audit.isShuttingDown
        case (.notFound, .delete?), (.notFound, .scale?): return true
        case (.deleted, .deploy(let spec)?): return world.audit.deleted.contains(spec.name)
        case (.startFailed, .deploy?): return world.audit.failedStarts > 0 || !world.audit.nodes.isEmpty
        case (.insufficientResources, .deploy?), (.insufficientResources, .scale?): return !world.audit.nodes.isEmpty
        case (.invalidOptions, .scale(let deployment, _)?): return autoscaled.contains(deployment)
        default: return false
        }
    }

    // MARK: Promises

    /// Checks that the disk has what is done.
    func check() {
        guard let disk = world.disk else { return }
        if let capacity, capacity.isDone {
            world.check(disk.targetCapacity == capacity.wanted, "the target capacity that was set is not stored")
        }
        for (name, own) in wanted where own.isDone && !own.isUnknown {
            let stored = disk.applications[name]
            guard let spec = own.spec else {
                if own.isWholeOpen { continue }
                world.check(stored?.isDeleting ?? true, "'\(name)' was deleted by change \(own.last), but is stored")
                continue
            }
            guard let stored, !stored.isDeleting, stored.spec == spec else {
                if own.isWholeOpen { continue }
                world.fail("'\(name)' is not stored as change \(own.last) left it")
                continue
            }
            for (deployment, replicas) in own.targets {
                guard let kept = stored.deployments[deployment], kept.course == .serve else { continue }
                world.check(
                    kept.target.replicas == replicas,
                    "'\(name)/\(deployment)' is to have \(replicas) replicas since change \(own.last), "
                        + "but \(kept.target.replicas) are stored"
                )
            }
        }
    }
}
