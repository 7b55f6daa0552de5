internal import Subprocess
package import SwerveCore
internal import Synchronization

#if canImport(System)
    internal import System
#else
    internal import SystemPackage
#endif
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Runs replicas as processes of this machine, from this process's own executable.
///
/// They inherit standard output and standard error, so that what user code prints appears where it would without
/// replicas.
package final class LocalProcessLauncher: ReplicaLauncher {
    private enum Child {
        case starting(killed: Bool)
        case running(pid_t)
    }
    private let children = Mutex<[ReplicaID: Child]>([:])
    private let executable: String

    package init() throws(ServeError) {
        self.executable = try Self.ownExecutable()
    }

    package func start(
        _ replica: ReplicaID,
        environment: [String: String],
        report: @escaping @Sendable (LaunchEvent) -> Void
    ) {
        children.withLock { $0[replica] = .starting(killed: false) }
        var overrides: [Environment.Key: String?] = [:]
        for (key, value) in environment {
            if let key = Environment.Key(rawValue: key) { overrides[key] = value }
        }
        let environment = Environment.inherit.updating(overrides)
        // Unstructured: the task is the process's life, which the controller ends by killing the process.
        Task {
            let reason: String
            do {
                let result = try await run(
                    .path(FilePath(executable)),
                    environment: environment,
                    input: .none,
                    output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
                    error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
                ) { execution in
                    let pid = execution.processIdentifier.value
                    self.began(replica, pid)
                    report(.launched(processID: pid))
                }
                reason = Self.describe(result.terminationStatus)
            } catch {
                reason = "its process could not be started: \(error)"
            }
            _ = children.withLock { $0.removeValue(forKey: replica) }
            report(.exited(reason: reason))
        }
    }

    private func began(_ replica: ReplicaID, _ pid: pid_t) {
        let kill = children.withLock { children in
            defer { children[replica] = .running(pid) }
            if case .starting(killed: true)? = children[replica] { return true }
            return false
        }
        if kill { Glibc.kill(pid, SIGKILL) }
    }

    package func kill(_ replica: ReplicaID) {
        children.withLock { children in
            switch children[replica] {
            case .starting?: children[replica] = .starting(killed: true)
            // Under the lock: the entry is removed before the number of a reaped process can be another's.
            case .running(let pid)?: _ = Glibc.kill(pid, SIGKILL)
            case nil: break
            }
        }
    }

    private static func describe(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): code == 0 ? "its process ended" : "its process exited with code \(code)"
        case .signaled(let signal): "its process was ended by signal \(signal) (\(name(of: signal)))"
        }
    }
    private static func name(of signal: Int32) -> String {
        switch signal {
        case SIGKILL: "killed"
        case SIGTRAP, SIGILL: "a trap, such as a failed precondition"
        case SIGSEGV, SIGBUS: "bad memory access"
        case SIGABRT: "abort"
        case SIGTERM: "terminated"
        default: String(cString: strsignal(signal))
        }
    }

    private static func ownExecutable() throws(ServeError) -> String {
        var path = [CChar](repeating: 0, count: 4097)
        let count = readlink("/proc/self/exe", &path, 4096)
        guard count > 0 else {
            throw ServeError(.system, "the path of this executable cannot be read: \(String(cString: strerror(errno)))")
        }
        return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
