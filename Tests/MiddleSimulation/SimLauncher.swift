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
        environment: LaunchEnvironment,
        report: @escaping @Sendable (ProcessEvent) -> Void
    ) {
        guard let world, let text = environment.variables[WorkerSettings.variable], let begin = begin(text, replica)
        else {
            return report(.exited(reason: "its settings cannot be read"))
        }
        world.later(world.main.loop) { [unowned self] in
            let mayFail = world.hasFaults && world.hasFailedStarts
            if killed.remove(replica) != nil || (mayFail && world.random.next(below: 20) == 0) {
                return report(.exited(reason: "its process could not be started"))
            }
            // A process that never connects is killed after a while and replaced.
            let isSilent = mayFail && world.random.next(below: 30) == 0
            let process = isSilent ? world.startSilent(replica) : begin()
            running.append((replica, process, report))
            report(.launched(processID: 1))
        }
    }

    /// - Returns: starts a process with these settings.
    private func begin(_ text: String, _ replica: ReplicaID) -> (() -> SimProcess)? {
        guard let world else { return nil }
        if let settings = ControllerSettings(text) { return { world.startController(replica, settings) } }
        return WorkerSettings(text).map { settings in { world.startWorker(replica, settings) } }
    }

    func kill(_ replica: ReplicaID) {
        guard let entry = running.first(where: { $0.replica == replica }) else { return _ = killed.insert(replica) }
        world?.kill(entry.process)
    }

    func died(_ process: SimProcess) {
        guard let index = running.firstIndex(where: { $0.process === process }), let world else { return }
        let entry = running[index]
        // A process that still writes when it is killed ends later.
        world.later(
            world.main.loop,
            within: process.isController && world.random.next(below: 2) == 0 ? 100_000_000 : 2_000_000
        ) { [unowned self] in
            world.disk?.ended(process)
            running.removeAll { $0.process === process }
            entry.report(.exited(reason: "its process ended"))
        }
    }

    /// The processes that run replicas.
    var workers: [SimProcess] { running.map(\.process).filter { !$0.isController && !$0.isDead } }
    /// The controller that was started last, until it has ended.
    var controller: SimProcess? { running.last { $0.process.isController }?.process }
    /// Whether nothing runs.
    var isEmpty: Bool { running.isEmpty }
}
