internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveCheckpoint
internal import SwerveController
internal import SwerveCore
internal import SwerveEnvironments
internal import SwerveLogs
internal import SwerveSystem
internal import SwerveTransport

/// Runs a ``SeparateController`` in its own process.
enum ControllerProcess {
    static func start(_ settings: ControllerSettings) {
        if settings.logs.bootstraps { settings.logs.bootstrap() }
        var logger = Logger(label: "swerve.controller")
        logger[metadataKey: "controller"] = "\(ThisProcess.id)"
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        do {
            let store = try KeptGoal.open(settings.database)
            let folders = KeptGoal.folders(beside: settings.database)
            let controller = SeparateController(
                settings,
                loop: loop,
                store: store,
                goal: try store.load(),
                isFolderKept: { folders.path(of: $0) != nil },
                logger: logger,
                exit: { ThisProcess.flushAndExit($0) }
            )
            let system = ServeSystem(settings.instance, clock: loop, seed: 0)
            controller.run(UnixSocketNetwork(), hosted: HostedReplicas(system), processID: ThisProcess.id)
        } catch {
            logger.error("the controller cannot start", metadata: ["error": "\(error)"])
            ThisProcess.flushAndExit(1)
        }
    }
}
