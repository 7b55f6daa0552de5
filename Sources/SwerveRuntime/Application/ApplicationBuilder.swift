internal import Distributed
internal import NIOCore
package import SwerveActors
package import SwerveCore
internal import SwerveSystem
internal import SwerveTransport

/// Turns a bound deployment, and what was passed to its `bind`, into the specification of an application.
package enum ApplicationBuilder {
    /// - Parameter replacedEnvironments: the deployments whose own environment is left out.
    /// - Throws: ``ServeError`` with code `invalidOptions` for invalid names and options and if `root` is a handle, and
    ///   any error from encoding the initialisers' arguments or resolving values in them.
    package static func build<D: Deployment>(
        _ root: D,
        of instance: InstanceID,
        name: String,
        routePrefix: String?,
        cors: CORS? = nil,
        environment: RuntimeEnvironment? = nil,
        placement: DeploymentOptions.Placement? = nil,
        userConfigs: [String: JSONValue] = [:],
        replacedEnvironments: Set<String> = []
    ) async throws -> ApplicationSpec {
        guard case .bound(let root) = root.id.target else {
            if case .mistaken(let mistake) = root.id.target { throw mistake.error }
            throw ServeError(
                .invalidOptions,
                "Serve.run needs what 'bind' returned, not a handle of the running \(root.id)"
            )
        }
        if let problem = NameRule.problem(with: name) { throw ServeError(.invalidOptions, "application: \(problem)") }
        // Before the prefix is normalised, which would escape a '?'.
        if let routePrefix, let problem = NormalPath.problem(withPrefix: routePrefix) {
            throw ServeError(.invalidOptions, "application '\(name)': \(problem)")
        }
        if let routed = root.type as? any RoutedIngress.Type, let problem = routed.routesProblem {
            throw ServeError(.invalidOptions, "the routes of \(root.typeDescription): \(problem)")
        }
        let collector = Collector(instance, placement)
        try collector.collect(root)
        let resolved = try await collector.values.resolved()
        let names = try Names(collector.found, resolved, application: name, of: instance)
        let deployments = try collector.found.map { bound in
            let isReplaced = replacedEnvironments.contains(names.name(of: bound).deployment)
            return try spec(of: bound, names, environment, placement, userConfigs, ownsEnvironment: !isReplaced)
        }
        for name in userConfigs.keys.sorted() where !deployments.contains(where: { $0.id.deployment == name }) {
            let hint = NearestName.hint(for: name, among: deployments.map(\.id.deployment))
            throw ServeError(.invalidOptions, "user configuration: there is no deployment '\(name)'; \(hint)")
        }
        let routePrefix = root.type is any HTTPIngress.Type ? routePrefix.map(NormalPath.normalized) : nil
        let ingress = names.name(of: root)
        for spec in deployments where spec.options.directIngress && (spec.id != ingress || routePrefix == nil) {
            let what =
                spec.id == ingress
                ? "the application has no route prefix or its ingress does not answer HTTP"
                : "it is not the application's ingress, which is '\(ingress.deployment)'"
            throw ServeError(
                .invalidOptions,
                "deployment '\(spec.id.deployment)': directIngress is set, but \(what)",
                deployment: spec.id
            )
        }
        return ApplicationSpec(
            name: name,
            routePrefix: routePrefix,
            ingress: ingress.deployment,
            deployments: deployments,
            routes: root.routes,
            cors: cors
        )
    }

    private static func spec(
        of bound: BoundDeployment,
        _ names: Names,
        _ environment: RuntimeEnvironment?,
        _ placement: DeploymentOptions.Placement?,
        _ userConfigs: [String: JSONValue],
        ownsEnvironment: Bool
    ) throws -> DeploymentSpec {
        let id = names.name(of: bound)
        var options = bound.options
        if !ownsEnvironment { options.runtimeEnvironment = nil }
        if let placement {
            options.placement = placement
            // Who says where replicas run, whatever the options say, also says it of these.
            if placement != .process { (options.directIngress, options.runtimeEnvironment) = (false, nil) }
        }
        try options.validate(deployment: id.deployment)
        let environment = try self.environment(
            of: &options,
            on: placement == .inProcess ? nil : environment,
            deployment: id
        )
        try options.validate(bound.type._batchedMethods, deployment: id.deployment)
        if let problem = bound.type._multiplexing?.problem {
            throw ServeError(.invalidOptions, "deployment '\(id.deployment)': \(problem)")
        }
        guard let typeName = _mangledTypeName(bound.type), _typeByName(typeName) != nil else {
            throw ServeError(
                .invalidOptions,
                "\(bound.typeDescription) cannot be found by name in a replica's process; it must not be private, "
                    + "fileprivate or declared in a function",
                deployment: id
            )
        }
        names.beginCalls()
        let writer = BinaryWriter(names: names, staysInProcess: options.placement == .inProcess)
        try bound.encode(to: writer)
        let config = BinaryWriter(names: names, staysInProcess: options.placement == .inProcess)
        let given = userConfigs[id.deployment]
        if let given {
            try encode(given, of: bound.type, id, to: config)
        } else {
            try bound.encodeUserConfig(to: config)
        }
        var spec = DeploymentSpec(
            id: id,
            typeName: typeName,
            arguments: Array(writer.buffer.readableBytesView),
            options: options,
            answersHTTP: bound.type is any HTTPIngress.Type,
            userConfig: bound.hasUserConfig || given != nil ? Array(config.buffer.readableBytesView) : nil,
            build: "\(BuildID.own)",
            calls: names.calls.map(\.deployment),
            environment: environment
        )
        spec.shownUserConfig = shown(bound.userConfig, given)
        return spec
    }

    /// Takes a deployment's own environment out of its options, which all callers get, and puts it on top of the
    /// application's.
    private static func environment(
        of options: inout DeploymentOptions,
        on outer: RuntimeEnvironment?,
        deployment id: DeploymentID
    ) throws(ServeError) -> RuntimeEnvironment? {
        var environment = (outer ?? RuntimeEnvironment()).with(options.runtimeEnvironment)
        options.runtimeEnvironment = nil
        if environment.isEmpty { return nil }
        let problem = options.placement == .inProcess ? DeploymentOptions.sharedEnvironment : environment.problem()
        if let problem {
            throw ServeError(.invalidOptions, "deployment '\(id.deployment)': \(problem)", deployment: id)
        }
        // Another process may make use of it.
        if let source = environment.workingDirectory {
            environment.workingDirectory = FileSystem.absolute(try RuntimeEnvironment.path(of: source))
        }
        return environment
    }

    /// Finds every deployment that the root refers to, directly or not, each once and in the order of discovery; and the
    /// values in their arguments that are to be resolved.
    private final class Collector: DeploymentNaming {
        private(set) var found: [BoundDeployment] = []
        private(set) var values = ResolvedValues()
        let instance: InstanceID
        private let placement: DeploymentOptions.Placement?

        init(_ instance: InstanceID, _ placement: DeploymentOptions.Placement?) {
            self.instance = instance
            self.placement = placement
        }

        func collect(_ root: BoundDeployment) throws {
            _ = name(of: root)
            var next = 0
            while next < found.count {
                let bound = found[next]
                let staysInProcess = (placement ?? bound.options.placement) == .inProcess
                try bound.encode(to: BinaryWriter(names: self, staysInProcess: staysInProcess))
                try bound.encodeUserConfig(to: BinaryWriter(names: self, staysInProcess: staysInProcess))
                next += 1
            }
        }
        @discardableResult
        func name(of bound: BoundDeployment) -> DeploymentID {
            if !found.contains(where: { $0 === bound }) { found.append(bound) }
            return DeploymentID(application: "", deployment: "")
        }

        func resolved(_ value: any ResolvedAtDeploy) -> any ResolvedAtDeploy {
            values.insert(value)
            return value
        }
    }

    /// Names each deployment: the user's name, else the type's, with `_1`, `_2`, … from the second one on.
    private final class Names: DeploymentNaming {
        private var names: [ObjectIdentifier: DeploymentID] = [:]
        /// The deployments that were named for an encoder since ``beginCalls()``, each once.
        private(set) var calls: [DeploymentID] = []
        private let values: ResolvedValues
        let instance: InstanceID

        init(
            _ deployments: [BoundDeployment],
            _ values: ResolvedValues,
            application: String,
            of instance: InstanceID
        ) throws(ServeError) {
            self.values = values
            self.instance = instance
            var taken: Set<String> = []
            for bound in deployments {
                guard let name = bound.options.name else { continue }
                guard taken.insert(name).inserted else {
                    throw ServeError(.invalidOptions, "two deployments of '\(application)' are named '\(name)'")
                }
                names[ObjectIdentifier(bound)] = DeploymentID(application: application, deployment: name)
            }
            for bound in deployments where bound.options.name == nil {
                let base = Self.baseName(bound)
                var name = base
                var count = 0
                while !taken.insert(name).inserted {
                    count += 1
                    name = "\(base)_\(count)"
                }
                names[ObjectIdentifier(bound)] = DeploymentID(application: application, deployment: name)
            }
        }

        /// `Outer<C1>` becomes `Outer`; a function's deployment has the function's name.
        private static func baseName(_ bound: BoundDeployment) -> String {
            let name = String(bound.typeDescription.prefix { $0 != "<" })
            let suffix = "Deployment"
            let isFunction = name.first?.isLowercase == true && name.hasSuffix(suffix) && name != suffix
            return isFunction ? String(name.dropLast(suffix.count)) : name
        }

        func beginCalls() { calls = [] }

        func name(of bound: BoundDeployment) -> DeploymentID {
            guard let name = names[ObjectIdentifier(bound)] else {
                preconditionFailure("encoding an initialiser's arguments again produced different deployments")
            }
            if !calls.contains(name) { calls.append(name) }
            return name
        }

        func resolved(_ value: any ResolvedAtDeploy) -> any ResolvedAtDeploy { values[value] }
    }
}
