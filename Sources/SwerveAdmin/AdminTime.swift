/// The time, as the admin server sees it.
package struct AdminTime: Sendable {
    /// Nanoseconds since 1970.
    package let wall: @Sendable () -> Int64
    /// - Throws: `CancellationError`.
    package let sleep: @Sendable (Duration) async throws -> Void

    package init(
        wall: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.wall = wall
        self.sleep = sleep
    }
}
