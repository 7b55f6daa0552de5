internal import Logging
internal import NIOCore
internal import NIOPosix
public import Swerve
internal import SwerveActors
internal import SwerveRuntime

/// Gives a test its own instance, and shuts it down when the test ends, even if it throws.
///
/// ```swift
/// @Test(arguments: DeploymentOptions.Placement.all)
/// func `text is translated`(placement: DeploymentOptions.Placement) async throws {
///     try await withTestInstance(placement: placement) { instance in
///         let translator = try await instance.run(Translator.bind(), routePrefix: nil)
///         #expect(try await translator.translate("hello") == "bonjour")
///     }
/// }
/// ```
/// Instances share nothing, so tests that each have their own may run at the same time.
/// - Parameters:
///   - placement: where all replicas run, whatever the options of their deployments say; `nil` uses those options.
///     `.process` needs a test bundle that is a program, as SwiftPM builds it on Linux.
///   - clock: the instance's clock; real time by default. Sockets always use real time: the limits of the HTTP server,
///     and the deadlines of requests that arrive through it.
///   - launcher: starts the replicas as the test decides; the instance's own launcher by default.
///   - options: any free port and no log by default.
public func withTestInstance<Result>(
    placement: DeploymentOptions.Placement? = nil,
    clock: ManualClock? = nil,
    launcher: FakeLauncher? = nil,
    options: ServeOptions = .testing,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ServeInstance) async throws -> Result
) async throws -> Result {
    let surroundings = Surroundings(
        clock: clock?.loop ?? MultiThreadedEventLoopGroup.singleton.any(),
        launcher: { launcher?.attached(to: $0) ?? $0 },
        placement: placement
    )
    let instance = ServeInstance(options, surroundings)
    do {
        let result = try await ServeContext.$clock.withValue(clock?.loop) { try await body(instance) }
        await instance.shutdown()
        return result
    } catch {
        await instance.shutdown()
        throw error
    }
}

extension ServeOptions {
    /// Options for tests: any free port, connections are cut 2 seconds after a shutdown, nothing is logged.
    public static var testing: ServeOptions {
        ServeOptions(
            port: 0,
            drainTimeout: .seconds(2),
            logger: Logger(label: "swerve.testing") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

extension DeploymentOptions.Placement {
    /// Every placement, for tests that hold for all of them.
    public static var all: [DeploymentOptions.Placement] { [.inProcess, .process] }
}
