/// An argument of an initialiser that names something which may change, such as the branch of a repository.
///
/// `Serve.run` replaces each such value in the arguments of the application, also within other values, by what it means
/// now, before any replica starts. So all replicas get the same, also those that are started much later in the place of
/// failed ones; a roll-back brings back what the earlier deploy found; and running the application again replaces the
/// replicas if the value means something else by then.
///
/// ```swift
/// struct Table: ResolvedAtDeploy {
///     var name: String
///     var version: Int?
///
///     func resolved() async throws -> Table {
///         Table(name: name, version: try await Warehouse.newestVersion(of: name))
///     }
/// }
/// ```
/// Equal values are resolved once per deploy, different ones at the same time.
public protocol ResolvedAtDeploy: Codable, Hashable, Sendable {
    /// What the value means now.
    ///
    /// The deploy waits for it without a limit of its own, and fails with what it throws. Return the value unchanged to
    /// leave the matter to the replicas.
    func resolved() async throws -> Self
}
