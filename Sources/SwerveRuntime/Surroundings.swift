package import NIOCore
internal import NIOPosix
package import SwerveController
package import SwerveCore

/// What an instance takes from outside: time, randomness and the launcher of its replicas.
package struct Surroundings: Sendable {
    /// The event loop whose time and timers the instance uses: for health checks, back-off and waits of queued
    /// requests.
    package var clock: any EventLoop
    package var random: SplitMix64
    package var placement: DeploymentOptions.Placement?
    /// How long a separate controller may not answer before another one takes its place; 15 seconds by default.
    package var patience = Agent.patience
    /// Returns the given launcher of the instance, or a replacement for it.
    package var launcher: @Sendable (any ReplicaLauncher) -> any ReplicaLauncher

    /// - Parameters:
    ///   - clock: real time by default.
    ///   - seed: random by default.
    ///   - launcher: the instance's own by default.
    ///   - placement: where all deployments run, whatever their options say; by default their options decide.
    package init(
        clock: any EventLoop = MultiThreadedEventLoopGroup.singleton.any(),
        seed: UInt64 = .random(in: .min ... .max),
        launcher: @escaping @Sendable (any ReplicaLauncher) -> any ReplicaLauncher = { $0 },
        placement: DeploymentOptions.Placement? = nil
    ) {
        self.clock = clock
        self.random = SplitMix64(seed: seed)
        self.launcher = launcher
        self.placement = placement
    }
}

/// An event loop's time as a `Clock`.
package struct LoopClock: Clock {
    package struct Instant: InstantProtocol {
        let time: NIODeadline

        package func advanced(by duration: Duration) -> Instant {
            Instant(time: time + .nanoseconds(duration.nanoseconds))
        }
        package func duration(to other: Instant) -> Duration { .nanoseconds((other.time - time).nanoseconds) }
        package static func < (left: Instant, right: Instant) -> Bool { left.time < right.time }
    }

    private let loop: any EventLoop

    package init(_ loop: any EventLoop) {
        self.loop = loop
    }

    package var now: Instant { Instant(time: loop.now) }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let timer = loop.scheduleTask(deadline: deadline.time) {}
        try await withTaskCancellationHandler {
            do { try await timer.futureResult.get() } catch is EventLoopError { throw CancellationError() }
        } onCancel: {
            timer.cancel()
        }
    }
}
