internal import Logging
internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveCore
internal import SwerveEnvironments
internal import SwerveTransport

/// What an instance begins with, and where it keeps changes.
struct KeptGoal: Sendable {
    /// `nil` if nothing outlives the instance.
    let directory: StateDirectory?
    let store: SQLiteGoalStore?
    let goal: GoalState
    /// What was deployed, and where changes of it are kept; `nil` if nothing outlives the instance.
    let deploys: SQLiteDeployStore?
    let restoredDeploys: [String: DeployRecord]

    /// - Parameter numbers: continue those of this process's last start, where no file has them.
    init(_ options: ServeOptions, _ numbers: ReplicaNumbers) throws(ServeError) {
        guard let path = options.stateDirectory else {
            (directory, store, goal) = (nil, nil, GoalState(numbers: numbers))
            (deploys, restoredDeploys) = (nil, [:])
            return
        }
        let directory = try StateDirectory(path)
        let store = try Self.open(directory.database)
        var goal = try store.load()
        let folders = Self.folders(beside: directory.database)
        goal.keep { folders.path(of: $0) != nil }
        (self.directory, self.goal) = (directory, goal)
        let deploys = try SQLiteDeployStore(directory.deploys)
        (self.deploys, restoredDeploys) = (deploys, try deploys.load())
        store.removeUnneeded()
        Self.keepThisProgram(directory, options.logger)
        // A separate controller opens the file itself.
        self.store = options.controller == .embedded ? store : nil
    }

    static func open(_ database: String) throws(ServeError) -> SQLiteGoalStore {
        try SQLiteGoalStore(database, build: BuildID.own.description, executables: executables(beside: database))
    }

    /// The executables that are kept beside a goal's file, or where it would be.
    static func executables(beside database: String) -> KeptExecutables {
        KeptExecutables(in: StateDirectory.executables(beside: database), version: Hello.currentVersion)
    }

    /// The working directories that are kept beside a goal's file, or where it would be.
    static func folders(beside database: String) -> KeptFolders {
        KeptFolders(in: StateDirectory.workingDirectories(beside: database))
    }

    private static func keepThisProgram(_ directory: StateDirectory, _ logger: Logger) {
        // A copy could not be told from another build.
        guard BuildID.isSharedByCopies else { return }
        do {
            try executables(beside: directory.database).keepThisProgram(as: BuildID.own.description)
        } catch {
            logger.warning("another build will not start what this one deploys", metadata: ["reason": "\(error)"])
        }
    }
}
