import Foundation
import SwerveCheckpoint
import SwerveControl
import SwerveCore

/// A folder for the time of a test.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appending(path: "checkpoint-\(UUID())").path()

    init() {
        // Fails later, where the folder is used.
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// An application with one deployment, `web`.
func application(
    _ name: String,
    version: UInt8,
    replicas: Int,
    build: String = "one",
    placement: DeploymentOptions.Placement = .process
) -> ApplicationSpec {
    let deployment = DeploymentSpec(
        id: DeploymentID(application: name, deployment: "web"),
        typeName: "Type",
        arguments: [version, 0, 255],
        options: DeploymentOptions(numReplicas: replicas, placement: placement),
        answersHTTP: true,
        build: build
    )
    return ApplicationSpec(name: name, routePrefix: nil, ingress: "web", deployments: [deployment])
}

/// A controller whose replicas do what the test says.
struct StoringController {
    var state = ControllerState(isStored: true)
    private var replicas: Set<ReplicaID> = []

    mutating func deploy(_ spec: ApplicationSpec) throws { note(try state.deploy(spec, now: .zero)) }

    mutating func delete(_ name: String) throws { note(try state.delete(application: name, now: .zero)) }

    mutating func scale(_ deployment: String, to replicas: Int) throws {
        guard let id = DeploymentID(deployment) else { return }
        note(try state.scale(id, to: replicas, by: .user, now: .zero))
    }

    /// All replicas become ready.
    mutating func runAll() throws { for replica in replicas { note(state.handle(.ready, of: replica, now: .zero)) } }

    /// All replicas end.
    mutating func endAll() throws {
        let ended = replicas
        replicas = []
        for replica in ended.sorted() { note(state.handle(.exited(reason: "end"), of: replica, now: .zero)) }
        note(state.tick(now: MonotonicTime(nanoseconds: 1 << 50)))
    }

    mutating func save(to store: SQLiteGoalStore) async throws {
        guard let change = state.unstoredChange() else { return }
        try await store.save(change)
        state.noteStored(change)
    }

    private mutating func note(_ actions: [ControlAction]) {
        for case .start(let replica, _, _) in actions { replicas.insert(replica) }
    }
}
