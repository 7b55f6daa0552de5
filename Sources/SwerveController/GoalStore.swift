package import SwerveControl
package import SwerveCore

/// Keeps a controller's goal for the next controller.
package protocol GoalStore: Sendable {
    /// Stores a change. Once it returns, the change survives the end of the process and of the machine.
    ///
    /// - Throws: ``ServeError`` with code `system`; then nothing of the change is stored.
    func save(_ change: GoalChange) async throws(ServeError)
}
