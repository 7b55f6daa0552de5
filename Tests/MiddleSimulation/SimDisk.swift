import NIOCore
import SwerveControl
import SwerveController
import SwerveCore

/// What a simulated disk holds of the goal. A change that is being written when its process dies is stored whole or not
/// at all.
final class SimDisk {
    unowned let world: World
    private(set) var applications: [String: GoalState.Application] = [:]
    /// What each application's goal was before the last change: orders that follow from it may still be on their way.
    private(set) var before: [String: GoalState.Application] = [:]
    private(set) var numbersBelow: UInt64 = 1
    private(set) var targetCapacity: Int?
    /// One in this many changes cannot be stored; 0 means none.
    var failsOneIn = 0
    /// Whether it ever refused a change.
    private(set) var hasFailed = false
    /// Called after each change.
    var whenStored: () -> Void = {}
    private var writing: (change: GoalChange, process: SimProcess)?
    private weak var reader: SimProcess?

    var isWriting: Bool { writing != nil }
    /// How many replicas each deployment is to have.
    var targets: [DeploymentID: Int] {
        let all = applications.values.flatMap(\.deployments.values)
        return Dictionary(uniqueKeysWithValues: all.map { ($0.spec.id, $0.target.replicas) })
    }

    init(_ world: World) {
        self.world = world
    }

    /// What a controller begins with. From now on, only this one may store.
    func load(_ process: SimProcess) -> GoalState {
        reader = process
        return GoalState(applications: applications, numbersBelow: numbersBelow, targetCapacity: targetCapacity)
    }

    func begin(_ change: GoalChange, _ process: SimProcess) { writing = (change, process) }

    /// - Returns: whether the change is stored.
    func end(_ process: SimProcess) -> Bool {
        guard let (change, _) = writing else { return false }
        writing = nil
        if failsOneIn > 0, world.random.next(below: failsOneIn) == 0 {
            world.note("the disk refuses a change")
            hasFailed = true
            return false
        }
        store(change, process)
        return true
    }

    /// The process has ended. What it was writing is stored or lost.
    func ended(_ process: SimProcess) {
        guard let (change, writer) = writing, writer === process else { return }
        writing = nil
        let isStored = world.random.next(below: 2) == 0
        world.note("a change that was being written is \(isStored ? "stored" : "lost")")
        if isStored { store(change, process) }
    }

    private func store(_ change: GoalChange, _ process: SimProcess) {
        world.check(reader === process, "\(process.name) stores a change after \(reader?.name ?? "nobody") has read")
        for (name, application) in change.applications {
            before[name] = applications[name]
            applications[name] = application
        }
        numbersBelow = change.numbersBelow ?? numbersBelow
        targetCapacity = change.targetCapacity ?? targetCapacity
        for (name, application) in change.applications {
            let targets = (application?.deployments ?? [:]).sorted { $0.key < $1.key }.map {
                "\($0.key) \($0.value.target)"
            }
            world.note("stored \(name): \(targets.joined(separator: "; "))")
        }
        whenStored()
    }
}

/// The goal store of one controller's process.
final class SimStore: GoalStore, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    private let disk: SimDisk
    private let process: SimProcess

    init(_ disk: SimDisk, _ process: SimProcess) {
        self.disk = disk
        self.process = process
    }

    func save(_ change: GoalChange) async throws(ServeError) {
        let world = disk.world
        disk.begin(change, process)
        let times = [0, 0, 0, 1, 30, 2000]
        await world.wait(process, atLeast: .milliseconds(Int64(times[world.random.next(below: times.count)])))
        guard !process.isDead, disk.end(process) else { throw ServeError(.system, "the disk is full") }
        if world.random.next(below: 2) == 0 { await world.wait(process) }
    }
}
