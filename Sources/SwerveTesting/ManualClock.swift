internal import NIOCore
package import NIOEmbedded
internal import SwerveCore

/// The time of an instance, which passes only when a test says so.
///
/// ```swift
/// let clock = ManualClock()
/// try await withTestInstance(clock: clock) { instance in
///     ...
///     await clock.advance(by: .seconds(30))       // health checks, back-off and other waits that are due happen now
/// }
/// ```
/// It begins at zero.
public final class ManualClock: Sendable {
    package let loop = NIOAsyncTestingEventLoop()

    public init() {}

    /// Lets time pass. Timers that are due go off in order, each at its own time.
    ///
    /// What they lead to happens on other tasks, and may still be going on when this returns: wait for it, for example by
    /// ``Swerve/ServeInstance/waitUntil(_:_:)``.
    public func advance(by time: Duration) async {
        await loop.advanceTime(by: .nanoseconds(time.nanoseconds))
    }

    /// How much time has passed.
    public var elapsed: Duration { .nanoseconds(Int64(clamping: loop.now.uptimeNanoseconds)) }
}
