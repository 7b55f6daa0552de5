internal import SwerveAdmin
internal import SwerveSystem

extension AdminTime {
    /// The time of day, and an instance's clock for waiting.
    static func system(_ clock: LoopClock) -> AdminTime {
        AdminTime(wall: { WallClock.nanoseconds }, sleep: { try await clock.sleep(for: $0) })
    }
}
