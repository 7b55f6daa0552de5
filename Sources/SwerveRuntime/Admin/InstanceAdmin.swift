internal import NIOCore
internal import SwerveAdmin
internal import SwerveCore
internal import SwerveLogs
internal import SwerveMetrics

/// An instance, as its admin server sees it.
struct InstanceAdmin: AdminSource {
    private let instance: ServeInstance
    private let deployer: ConfigDeployer

    init(_ instance: ServeInstance) {
        self.instance = instance
        deployer = ConfigDeployer(instance)
    }

    func facts() async -> InstanceFacts { await instance.facts() }
    func status() async -> ServeStatus { await instance.status() }
    func statusUpdates() async -> AsyncStream<ServeStatus> { await instance.statusUpdates() }

    func deployed() async -> [String: AdminDeployed] {
        let sources = await instance.history.sources
        return await instance.specs.reduce(into: [:]) { deployed, entry in
            let deployments = entry.value.deployments
            deployed[entry.key] = AdminDeployed(
                ingress: entry.value.ingress,
                calls: Dictionary(uniqueKeysWithValues: deployments.map { ($0.id.deployment, $0.calls ?? []) }),
                config: sources[entry.key]?.config,
                userConfigs: entry.value.shownUserConfigs
            )
        }
    }

    func plan(_ configuration: ByteBuffer) async throws -> [DeployPlan] { try await deployer.plan(configuration) }
    func deploy(_ configuration: ByteBuffer) async throws { try await deployer.deploy(configuration) }
    func deploy(_ application: ByteBuffer, as name: String) async throws {
        try await deployer.deploy(application, as: name)
    }

    func delete(_ application: String) async throws { await instance.beginDelete(application) }
    func scale(_ deployment: DeploymentID, to replicas: Int) async throws {
        try await instance.scale(deployment.deployment, application: deployment.application, to: replicas)
    }
    func setTargetCapacity(_ percent: Int?) async throws { try await instance.setTargetCapacity(percent) }
    func beginShutdown() async {
        let instance = instance
        // Unstructured: the shutdown waits for this request's answer.
        Task { await instance.shutdown() }
    }

    func logs() async throws -> LogStore {
        guard let logs = await instance.logs else { throw ServeError(.notRunning, "the instance does not run") }
        return logs
    }

    func revisions(of application: String) async throws -> [DeployedRevision] {
        try await instance.revisions(of: application)
    }
    func plan(rollbackOf application: String, to revision: Int?) async throws -> DeployPlan {
        try await instance.planOfRollback(application, to: revision).plan
    }
    func rollBack(_ application: String, to revision: Int?) async throws -> DeployPlan {
        let (plan, entry) = try await instance.planOfRollback(application, to: revision)
        try await instance.beginDeploy(entry.spec, from: entry.source)
        return plan
    }

    func metrics(accept: String?) async throws -> MetricsText {
        let format = MetricsEncoder.Format(accept: accept)
        guard let text = await instance.metricsText(openMetrics: format == .openMetrics) else {
            throw ServeError(.notRunning, "the instance does not run")
        }
        return MetricsText(contentType: format.contentType, text: text)
    }
    func series(_ query: [String: String]) async throws -> ByteBuffer {
        guard let series = await instance.series() else {
            throw ServeError(.notRunning, "the instance does not run")
        }
        return ByteBuffer(string: series)
    }
}
