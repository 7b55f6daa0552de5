internal import NIOCore
internal import SwerveAdmin
internal import SwerveCore
internal import SwerveSystem

extension AdminJSON.Moment {
    /// The present moment on an instance's clock and as the time of day.
    static func now(_ clock: any EventLoop) -> AdminJSON.Moment {
        let monotonic = MonotonicTime(nanoseconds: Int64(clamping: clock.now.uptimeNanoseconds))
        return AdminJSON.Moment(monotonic: monotonic, wall: WallClock.nanoseconds)
    }
}

extension AdminTime {
    /// The time of day, and an instance's clock for waiting.
    static func system(_ clock: LoopClock) -> AdminTime {
        AdminTime(wall: { WallClock.nanoseconds }, sleep: { try await clock.sleep(for: $0) })
    }
}
