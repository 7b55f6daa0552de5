public import Swerve

extension ServeInstance {
    /// Waits for a status of an application, by events rather than by polling.
    ///
    /// ```swift
    /// try await instance.waitUntil("default") { $0?.deployments["Model"]?.replicas.isEmpty == false }
    /// ```
    /// - Parameter condition: receives the application's status; `nil` while there is no such application.
    /// - Returns: the status that met the condition.
    /// - Throws: `CancellationError` if the task is cancelled or the instance is shut down first. There is no time
    ///   limit: give the test one.
    @discardableResult
    public nonisolated func waitUntil(
        _ application: String = "default",
        _ condition: @Sendable (ApplicationStatus?) -> Bool
    ) async throws -> ApplicationStatus? {
        for await status in await statusUpdates() {
            let application = status.applications[application]
            if condition(application) { return application }
        }
        throw CancellationError()
    }

    /// Waits until every deployment of the application has all its replicas.
    public nonisolated func waitUntilHealthy(_ application: String = "default") async throws {
        try await waitUntil(application) { application in
            application?.deployments.values.allSatisfy { $0.state == .healthy } ?? false
        }
    }
}
