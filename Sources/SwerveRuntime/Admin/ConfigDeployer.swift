internal import Logging
internal import NIOCore
internal import SwerveAdmin
internal import SwerveConfig
internal import SwerveCore
internal import SwerveHTTPTypes

/// Deploys configurations into an instance, one after the other.
///
/// A configuration is accepted or refused as a whole: every program is asked for its application first, and what the
/// programs say is checked. Only then something changes.
actor ConfigDeployer {
    private let instance: ServeInstance
    private var last: Task<Void, Never>?

    init(_ instance: ServeInstance) {
        self.instance = instance
    }

    /// An application of a configuration, and what its program says of it.
    private struct Described: Sendable {
        let config: ApplicationConfig
        let spec: ApplicationSpec
    }

    // MARK: Whole configurations

    /// Begins to deploy a configuration; the applications of earlier ones that it does not name are deleted. Returns when
    /// it is accepted; the status tells how it goes on.
    ///
    /// - Throws: ``AdminError`` with what is wrong in the configuration, and what asking the programs throws.
    func deploy(_ content: ByteBuffer) async throws {
        let config = try Self.parse(content)
        let logger = await instance.logger
        for what in config.ignoredByDeploy {
            logger.warning("deploying a configuration", metadata: ["reason": "\(what)"])
        }
        try await inTurn {
            let described = try await self.describe(config.applications)
            try await self.accept(described, isWhole: true)
            if let percent = config.targetCapacity { try await self.instance.setTargetCapacity(percent) }
        }
    }

    /// What deploying it would change now.
    func plan(_ content: ByteBuffer) async throws -> [DeployPlan] {
        let config = try Self.parse(content)
        let described = try await describe(config.applications)
        let leaving = await gone(from: described)
        var plans: [DeployPlan] = []
        for application in described {
            plans.append(try await instance.plan(application.spec, without: Set(leaving)))
        }
        for name in leaving { plans.append(try await instance.planOfDeletion(name)) }
        return plans
    }

    // MARK: One application

    /// Begins to deploy one application, whatever others run.
    ///
    /// - Parameter content: an entry of `applications` as JSON; its name may be missing.
    func deploy(_ content: ByteBuffer, as name: String) async throws {
        let config = try Self.parse(content, application: name)
        try await inTurn {
            let described = try await self.describe(config.applications)
            try await self.accept(described, isWhole: false)
        }
    }

    // MARK: Steps

    private func inTurn(_ work: @escaping @Sendable () async throws -> Void) async throws {
        let previous = last
        // Unstructured: the next one waits for it, also if the caller of this one is gone.
        let turn = Task {
            await previous?.value
            try await work()
        }
        last = Task { _ = await turn.result }
        try await turn.value
    }

    private func accept(_ described: [Described], isWhole: Bool) async throws {
        let leaving = isWhole ? await gone(from: described) : []
        // What the controller would refuse is refused before anything changes.
        for application in described { _ = try await instance.plan(application.spec, without: Set(leaving)) }
        for name in leaving { await instance.beginDelete(name) }
        for application in described {
            let source = DeployHistory.Source(config: application.config, isWhole: isWhole)
            try await instance.beginDeploy(application.spec, from: source)
        }
    }

    /// The applications of earlier configurations that are not among these and still run.
    private func gone(from described: [Described]) async -> [String] {
        let kept = Set(described.map(\.config.name))
        let running = await instance.status().applications
        let whole = await instance.history.sources.filter(\.value.isWhole).keys
        return whole.filter { !kept.contains($0) && running[$0] != nil }.sorted()
    }

    /// What the programs say of the applications, with the options of the configuration.
    private func describe(_ applications: [ApplicationConfig]) async throws -> [Described] {
        let instance = instance
        let specs = try await withThrowingTaskGroup(of: (Int, ApplicationSpec).self) { group in
            for (index, application) in applications.enumerated() {
                group.addTask { (index, try await instance.describe(application)) }
            }
            var specs: [Int: ApplicationSpec] = [:]
            for try await (index, spec) in group { specs[index] = spec }
            return specs
        }
        return applications.enumerated().compactMap { index, application in
            specs[index].map { Described(config: application, spec: $0) }
        }
    }

    // MARK: Reading

    private static func parse(_ content: ByteBuffer, application name: String? = nil) throws(AdminError) -> ServeConfig
    {
        do {
            var text = String(buffer: content)
            if let name {
                guard case .object(var members) = try JSONValue(parsing: text) else {
                    throw AdminError.badRequest("the content must be an object: an entry of 'applications'")
                }
                members["name"] = .string(name)
                text = JSONValue.object(["applications": [.object(members)]]).json
            }
            return try ServeConfig.parse(text, file: "", format: .json).config
        } catch let error as ConfigError {
            throw AdminError(.badRequest, "invalid_configuration", "\(error)")
        } catch let error as AdminError {
            throw error
        } catch {
            throw AdminError(error)
        }
    }
}

extension ServeInstance {
    /// What the program of an application says of it, with the options of the configuration.
    fileprivate func describe(_ application: ApplicationConfig) async throws -> ApplicationSpec {
        var wanted = DescribeRequest.Wanted(application.importPath.application)
        wanted.arguments = ApplicationArguments(application.args ?? [:])
        wanted.name = application.name
        wanted.routePrefix = application.routePrefix.map { $0.path ?? "" }
        wanted.userConfigs = application.userConfigs(of: nil)
        wanted.replacedEnvironments = application.replacedEnvironments
        let environment = application.runtimeEnvironment?.environment ?? RuntimeEnvironment()
        var described = try await describe(application.executable, wanted, environment: environment)
        for (executable, names) in application.otherExecutables.sorted(by: { $0.key < $1.key }) {
            wanted.userConfigs = application.userConfigs(of: executable)
            let other = try await describe(executable, wanted, only: names, environment: environment)
            described = try described.taking(names, from: other, of: executable)
        }
        let spec: ApplicationSpec
        do {
            spec = try application.applied(to: described)
        } catch {
            throw AdminError(.badRequest, "invalid_configuration", "\(error)")
        }
        return try await prepared(spec, in: programs().folders)
    }

    fileprivate func planOfDeletion(_ name: String) throws -> DeployPlan {
        let deployments = specs[name]?.deployments.map(\.id) ?? []
        let changes = deployments.sorted { $0.deployment < $1.deployment }.map { DeployPlan.Change($0, .delete) }
        return DeployPlan(application: name, changes: changes)
    }
}
