import SwerveController
import SwerveCore
import SwerveLaunch
import SwerveRuntime

/// Starts workers as processes of the world.
final class SimLauncher: ProcessLauncher, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    weak var world: World?
    private var running: [(replica: ReplicaID, process: SimProcess, report: @Sendable (ProcessEvent) -> Void)] = []
    private var killed: Set<ReplicaID> = []

    func start(
        _ replica: ReplicaID,
        executable: String?,
        environment: [String: String],
        report: @escaping @Sendable (ProcessEvent) -> Void
    ) {
        guard let world, let text = environment[WorkerSettings.variable], let settings = WorkerSettings(text) else {
            return report(.exited(reason: "its settings cannot be read"))
        }
        world.later(world.main.loop) { [unowned self] in
            if killed.remove(replica) != nil || (world.hasFaults && world.random.next(below: 20) == 0) {
                return report(.exited(reason: "its process could not be started"))
            }
            // A process that never connects is killed after a while and replaced.
            let isSilent = world.hasFaults && world.random.next(below: 30) == 0
            let process = isSilent ? world.startSilent(replica) : world.startWorker(replica, settings)
            running.append((replica, process, report))
            report(.launched(processID: 1))
        }
    }

    func kill(_ replica: ReplicaID) {
        guard let entry = running.first(where: { $0.replica == replica }) else { return _ = killed.insert(replica) }
        world?.kill(entry.process)
    }

    func died(_ process: SimProcess) {
        guard let index = running.firstIndex(where: { $0.process === process }), let world else { return }
        let entry = running.remove(at: index)
        world.later(world.main.loop) { entry.report(.exited(reason: "its process ended")) }
    }

    /// The running processes.
    var processes: [SimProcess] { running.map(\.process) }
}
