internal import Logging
internal import SwerveActors
internal import SwerveController
internal import SwerveTransport

/// Makes the limits of waiting requests hold for all processes of the instance together. If that fails, each process has
/// the whole limit.
///
/// - Parameter address: where the process with the controller listens.
func shareQueues(of pools: PoolTable, beside address: String, create: Bool, _ logger: Logger) {
    do {
        pools.share(try SharedQueues(path: WorkerFiles.queuesPath(beside: address), create: create))
    } catch {
        logger.warning("limits of waiting requests hold for each process alone", metadata: ["error": "\(error)"])
    }
}
