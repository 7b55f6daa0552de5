package import SwerveCore

extension ControllerState {
    /// What ``deploy(_:now:)`` of this spec would change now. It changes nothing itself.
    ///
    /// - Parameter leaving: applications that are deleted before the deploy.
    /// - Throws: what the deploy would throw.
    package func plan(_ spec: ApplicationSpec, without leaving: Set<String> = []) throws(ServeError) -> DeployPlan {
        try check(spec, without: leaving)
        let running = goal.applications[spec.name].flatMap { $0.isDeleting ? nil : $0 }?.deployments ?? [:]
        let wanted = Set(spec.deployments.map(\.id.deployment))
        var changes = spec.deployments.map { new in
            guard let old = running[new.id.deployment], !old.isRetired else {
                return DeployPlan.Change(new.id, .create, method: "\(new.options.firstReplicas) replicas start")
            }
            return change(old, new)
        }
        for (name, old) in running where !wanted.contains(name) && !old.isRetired {
            changes.append(
                DeployPlan.Change(old.id, .delete, method: "its replicas finish their requests once the others run")
            )
        }
        return DeployPlan(application: spec.name, changes: changes.sorted { $0.deployment < $1.deployment })
    }

    private func change(_ old: GoalState.Deployment, _ new: DeploymentSpec) -> DeployPlan.Change {
        let fields = old.spec.differences(from: new)
        let target = old.target(after: new).replicas
        if old.spec.revision != new.revision || !old.startsReplicas {
            return DeployPlan.Change(new.id, .replace, fields: fields, method: method(new, target: target))
        }
        if old.spec.configuration != new.configuration {
            let at = new.options.rollout.updates(target: target)
            let method = "in place, \(at) of \(target) replicas at a time"
            return DeployPlan.Change(new.id, .reconfigure, fields: fields, method: method)
        }
        if old.target.replicas != target {
            let method = "\(old.target.replicas) -> \(target) replicas"
            return DeployPlan.Change(new.id, .scale, fields: fields, method: method)
        }
        return DeployPlan.Change(new.id, fields.isEmpty ? .unchanged : .options, fields: fields)
    }

    /// How new replicas replace the old ones, given what is free now.
    private func method(_ new: DeploymentSpec, target: Int) -> String {
        let rule = new.options.rollout
        let (surge, unavailable) = rule.bounds(target: target)
        let wanted = rule.servesTogether ? target : min(surge, target)
        var ledger = ledger
        for number in 0..<UInt64(max(0, wanted)) {
            do {
                // A number that no replica gets.
                _ = try ledger.reserve(ReplicaID(deployment: new.id, number: .max - number), new.options)
            } catch {
                if number == 0 { return "forced to stop old replicas first: a new one \(error.description)" }
                let room = "only \(number) of \(wanted) new replicas fit beside the old ones"
                return "\(rule), but \(room): each \(error.description)"
            }
        }
        return wanted == 0
            ? "\(rule): at most \(unavailable) of \(target) replicas may be missing"
            : "\(rule): up to \(wanted) new replicas start beside the old ones"
    }
}

extension DeploymentSpec {
    /// What another spec of the same deployment has different, in the order of its declaration.
    fileprivate func differences(from new: DeploymentSpec) -> [DeployPlan.Change.Field] {
        var fields: [DeployPlan.Change.Field] = []
        if build != new.build { fields.append(.init("executable", from: build, to: new.build)) }
        fields += environmentDifferences(from: new)
        if typeName != new.typeName { fields.append(.init("type", from: typeName, to: new.typeName)) }
        if arguments != new.arguments { fields.append(.init("arguments")) }
        if userConfig != new.userConfig {
            let wasAdded = userConfig == nil
            let name = wasAdded ? "userConfig added" : new.userConfig == nil ? "userConfig removed" : "userConfig"
            fields.append(.init(name))
        }
        if answersHTTP != new.answersHTTP {
            fields.append(.init("answersHTTP", from: "\(answersHTTP)", to: "\(new.answersHTTP)"))
        }
        // Every option is a stored property, so none is forgotten here.
        let (old, later) = (Mirror(reflecting: options).children, Mirror(reflecting: new.options).children)
        for (before, after) in zip(old, later) {
            let (from, to) = (Self.text(before.value), Self.text(after.value))
            if from != to { fields.append(.init(before.label ?? "", from: from, to: to)) }
        }
        return fields
    }

    private func environmentDifferences(from new: DeploymentSpec) -> [DeployPlan.Change.Field] {
        var fields: [DeployPlan.Change.Field] = []
        let (before, after) = (environment ?? RuntimeEnvironment(), new.environment ?? RuntimeEnvironment())
        // Only their names: values may be secrets.
        let names = Set(before.variables.keys).union(after.variables.keys).sorted()
        let changed = names.filter { before.variables[$0] != after.variables[$0] }
        if !changed.isEmpty { fields.append(.init("environment variables \(changed.joined(separator: ", "))")) }
        func compare(_ name: String, _ from: String?, _ to: String?) {
            if from != to { fields.append(.init(name, from: from ?? "none", to: to ?? "none")) }
        }
        compare("inherited variables", before.inherits.map { "\($0)" }, after.inherits.map { "\($0)" })
        compare("limits", "\(before.limits)", "\(after.limits)")
        compare("logs", before.logs.map { "\($0)" }, after.logs.map { "\($0)" })
        func shown(_ spec: DeploymentSpec, _ environment: RuntimeEnvironment) -> String? {
            environment.workingDirectory ?? spec.workingDirectory.map { String($0.prefix(12)) }
        }
        compare("working directory", shown(self, before), shown(new, after))
        return fields
    }

    /// An optional's value without the word for it.
    private static func text(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .optional else { return "\(value)" }
        return mirror.children.first.map { "\($0.value)" } ?? "nil"
    }
}
