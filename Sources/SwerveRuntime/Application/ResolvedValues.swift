internal import SwerveActors

/// The values in an application's arguments that are resolved at the deploy, each once.
struct ResolvedValues {
    private var indices: [AnyHashable: Int] = [:]
    private var values: [any ResolvedAtDeploy] = []

    mutating func insert(_ value: any ResolvedAtDeploy) {
        guard indices[AnyHashable(value)] == nil else { return }
        indices[AnyHashable(value)] = values.count
        values.append(value)
    }

    /// What a value means now; the value itself when it was not inserted.
    subscript(value: any ResolvedAtDeploy) -> any ResolvedAtDeploy {
        indices[AnyHashable(value)].map { values[$0] } ?? value
    }

    /// The same values as they are now, resolved all at once.
    ///
    /// - Throws: what resolving a value throws; the others are cancelled then.
    func resolved() async throws -> ResolvedValues {
        var result = self
        try await withThrowingTaskGroup(of: (Int, any ResolvedAtDeploy).self) { group in
            for (index, value) in values.enumerated() {
                group.addTask { (index, try await value.resolved()) }
            }
            for try await (index, value) in group { result.values[index] = value }
        }
        return result
    }
}
