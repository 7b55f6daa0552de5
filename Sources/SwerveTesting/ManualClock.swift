internal import NIOCore
package import NIOEmbedded
internal import SwerveCore

/// An instance's clock, which advances only when the test says so.
///
/// ```swift
/// let clock = ManualClock()
/// try await withTestInstance(clock: clock) { instance in
///     ...
///     await clock.advance(by: .seconds(30))       // health checks, back-off and other waits that are due happen now
/// }
/// ```
/// It starts at zero.
public final class ManualClock: Sendable {
    package let loop = NIOAsyncTestingEventLoop()

    public init() {}

    /// Advances the time. Timers that become due fire in order, each at its own time. A negative time counts as zero, and
    /// the clock stops after 292 years.
    ///
    /// Their effects happen on other tasks and may not be complete when this returns. Wait for them, for example with
    /// ``Swerve/ServeInstance/waitUntil(_:_:)``.
    public func advance(by time: Duration) async {
        let left = Int64.max - Int64(clamping: loop.now.uptimeNanoseconds)
        await loop.advanceTime(by: .nanoseconds(min(max(time.nanoseconds, 0), left)))
    }

    /// How much time has passed.
    public var elapsed: Duration { .nanoseconds(Int64(clamping: loop.now.uptimeNanoseconds)) }
}
