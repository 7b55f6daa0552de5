internal import Synchronization

/// Control groups (version 2) that limit processes which this one starts, each in a group of its own.
///
/// The groups are made in the group that this process was started in. That needs permission to write there, and no
/// processes there but this one and its children: a group that has limited groups cannot have processes. So they move
/// into a group of their own when the first limit is asked for. A service manager grants all this with
/// `Delegate=yes`, a container with a writable control group.
package final class ProcessGroups: Sendable {
    /// What can be done with groups here.
    private enum State {
        case unknown
        /// The folder in which groups are made.
        case ready(String)
        case impossible(reason: String)
    }

    /// Those of this process.
    package static let own = ProcessGroups { ControlGroups.ownFolder(read: Machine.text) }

    private let find: @Sendable () -> String?
    private let state = Mutex(State.unknown)

    /// - Parameter find: returns the folder of the group that this process is in.
    package init(find: @escaping @Sendable () -> String?) {
        self.find = find
    }

    /// Why a group cannot be made.
    package struct Impossible: Error {
        package let reason: String
    }

    /// Makes a group for one process.
    ///
    /// - Parameters:
    ///   - name: the folder's name; nobody else may use it.
    ///   - memory: the most bytes that its processes may use together; `nil` for no limit.
    ///   - cores: the share of processor time that they keep when others want it, too; `nil` for the usual one.
    /// - Returns: the group's folder, for ``enter(_:)``.
    package func make(_ name: String, memory: Int?, cores: Double?) throws(Impossible) -> String {
        let folder = "\(try prepared())/\(name)"
        do {
            try FileSystem.makeFolder(folder, mode: 0o755)
            if let memory {
                try Self.write("\(memory)", to: "\(folder)/memory.max")
                // Without this, what is too much would go to the disk. Not every kernel has it.
                try? Self.write("0", to: "\(folder)/memory.swap.max")
                // Processes that user code starts end together with it.
                try? Self.write("1", to: "\(folder)/memory.oom.group")
            }
            // A group without a weight has 100, as much as one core.
            if let cores {
                try? Self.write("\(Int(min(max(cores * 100, 1), 10_000)))", to: "\(folder)/cpu.weight")
            }
        } catch {
            FileSystem.removeEmptyFolder(folder)
            throw Impossible(reason: error.description)
        }
        return folder
    }

    /// Moves the calling process into a group.
    package static func enter(_ folder: String) throws(SystemFailure) { try write("0", to: "\(folder)/cgroup.procs") }

    /// Whether the kernel killed a process of the group because it used too much memory.
    package static func ranOutOfMemory(_ folder: String) -> Bool {
        let events = Machine.text("\(folder)/memory.events") ?? ""
        return events.split(separator: "\n").contains { line in
            let parts = line.split(separator: " ")
            return parts.count == 2 && parts[0] == "oom_kill" && parts[1] != "0"
        }
    }

    /// Removes a group whose processes have ended.
    package static func remove(_ folder: String) { FileSystem.removeEmptyFolder(folder) }

    // MARK: Preparing

    private func prepared() throws(Impossible) -> String {
        let state = state.withLock { state in
            if case .unknown = state { state = Self.prepare(find()) }
            return state
        }
        switch state {
        case .ready(let folder): return folder
        case .impossible(let reason): throw Impossible(reason: reason)
        case .unknown: throw Impossible(reason: "")
        }
    }

    private static func prepare(_ folder: String?) -> State {
        guard let folder else { return .impossible(reason: "there are no control groups of version 2") }
        let controllers = (Machine.text("\(folder)/cgroup.controllers") ?? "").split { $0.isWhitespace }
        guard controllers.contains("memory") else {
            return .impossible(reason: "the control group of this process has no limits of memory")
        }
        guard FileSystem.isWritable(folder) else {
            return .impossible(reason: "the control group of this process is not delegated to its user")
        }
        // Workers without limits that run already move along.
        let processes = (Machine.text("\(folder)/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }
        let workers = processes.filter { $0 != ThisProcess.id }
        guard workers.allSatisfy({ parent(of: $0) == ThisProcess.id }) else {
            return .impossible(reason: "the control group of this process has other processes, too")
        }
        let main = "\(folder)/swerve-main"
        do {
            if !FileSystem.isFolder(main) { try FileSystem.makeFolder(main, mode: 0o755) }
            for worker in workers { try write("\(worker)", to: "\(main)/cgroup.procs") }
            try enter(main)
        } catch {
            return .impossible(reason: error.description)
        }
        do {
            try write("+memory", to: "\(folder)/cgroup.subtree_control")
            if controllers.contains("cpu") { try write("+cpu", to: "\(folder)/cgroup.subtree_control") }
            return .ready(folder)
        } catch {
            try? enter(folder)
            FileSystem.removeEmptyFolder(main)
            return .impossible(reason: error.description)
        }
    }

    private static func parent(of process: Int32) -> Int32? {
        // The name of the program, in brackets, may have any characters.
        let rest = Machine.text("/proc/\(process)/stat")?.split(separator: ")").last
        return rest?.split(separator: " ").dropFirst().first.flatMap { Int32($0) }
    }

    private static func write(_ text: String, to path: String) throws(SystemFailure) {
        try FileSystem.overwrite(path, Array(text.utf8))
    }
}
