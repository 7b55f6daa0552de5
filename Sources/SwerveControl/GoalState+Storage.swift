package import SwerveCore

extension GoalState {
    /// A goal as it was stored.
    ///
    /// - Parameters:
    ///   - numbersBelow: the bound of the last ``GoalChange`` that had one.
    ///   - targetCapacity: that of the last ``GoalChange`` that had one.
    package init(applications: [String: Application], numbersBelow: UInt64, targetCapacity: Int? = nil) {
        self.init(numbers: ReplicaNumbers(next: max(1, numbersBelow)))
        self.applications = applications
        self.targetCapacity = targetCapacity
    }

    /// The same goal, whose next replica has at least the given number.
    package func numbered(from first: UInt64) -> GoalState {
        var goal = self
        goal.numbers = ReplicaNumbers(next: max(first, numbers.next))
        return goal
    }

    /// Forgets what an application cannot return to. If what it runs cannot be started either, nothing of it starts
    /// until its next deploy, and calls fail with the reason.
    ///
    /// - Parameter reasonAgainst: why replicas of a spec cannot be started; `nil` if they can.
    package mutating func keep(_ application: String, _ reasonAgainst: (DeploymentSpec) -> String?) {
        guard let own = applications[application] else { return }
        for (name, deployment) in own.deployments {
            if let fallback = deployment.fallback, reasonAgainst(fallback.spec) != nil {
                applications[application]?.deployments[name]?.fallback = nil
            }
        }
        let wanted = own.deployments.sorted { $0.key < $1.key }.filter { $0.value.startsReplicas }
        if let reason = wanted.compactMap({ reasonAgainst($0.value.spec) }).first {
            fail(application, because: reason)
        }
    }

    /// Does the same for applications whose replicas cannot start because the copy of a working directory is gone.
    ///
    /// - Parameters:
    ///   - running: applications that stay as they are. Their replicas run, and serve on without the copy.
    ///   - isKept: whether there is a copy with a digest.
    package mutating func keep(except running: Set<String> = [], folders isKept: (String) -> Bool) {
        for name in applications.keys.sorted() where !running.contains(name) {
            keep(name) { spec in
                guard let digest = spec.workingDirectory, !isKept(digest) else { return nil }
                return
                    "the working directory of '\(spec.id.deployment)', with the content \(digest.prefix(12)), is not kept "
                    + "any more; deploy the application again, or put the copy back into the state directory and start the "
                    + "instance again"
            }
        }
    }

    private mutating func fail(_ application: String, because message: String) {
        guard var own = applications[application], !own.isDeleting else { return }
        for name in own.deployments.keys where own.deployments[name]?.isRetired == false {
            own.deployments[name]?.course = .failed(message: message)
            own.deployments[name]?.fallback = nil
            own.deployments[name]?.isTrusted = false
        }
        applications[application] = own
    }
}

extension GoalState.Application {
    /// The builds of the program that its replicas are started from, or may be after a rollout that fails.
    package var builds: Set<String> {
        Set(
            deployments.values.filter(\.startsReplicas).flatMap { own in
                [own.spec.build] + (own.fallback.map { [$0.spec.build] } ?? [])
            }
        ).subtracting([""])
    }

    /// The initialisers' arguments of all its specs, in an order that depends only on the rest. They are bytes, and may
    /// be many: a store keeps them apart.
    package var arguments: [[UInt8]] {
        get {
            spec.deployments.map(\.arguments)
                + sortedNames.flatMap { name -> [[UInt8]] in
                    guard let own = deployments[name] else { return [] }
                    return [own.spec.arguments] + (own.fallback.map { [$0.spec.arguments] } ?? [])
                }
        }
        set {
            var rest = newValue[...]
            for index in spec.deployments.indices { spec.deployments[index].arguments = rest.popFirst() ?? [] }
            for name in sortedNames {
                deployments[name]?.spec.arguments = rest.popFirst() ?? []
                if deployments[name]?.fallback != nil {
                    deployments[name]?.fallback?.spec.arguments = rest.popFirst() ?? []
                }
            }
        }
    }

    private var sortedNames: [String] { deployments.keys.sorted() }
}
