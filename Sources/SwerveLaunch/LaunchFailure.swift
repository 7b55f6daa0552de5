internal import Subprocess

#if canImport(System)
    internal import System
#else
    internal import SystemPackage
#endif
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Messages about processes that ended or could not be started.
enum LaunchFailure {
    static func describe(_ status: TerminationStatus) -> String {
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

    static func describe(_ error: any Error, executable: String) -> String {
        let start = "no process could be started from '\(executable)'"
        guard let error = error as? SubprocessError else { return "\(start): \(error)" }
        if error.code == .executableNotFound {
            return "\(start): \(access(executable, F_OK) == 0 ? "it cannot be executed" : "there is no such file")"
        }
        if error.code == .failedToMonitorProcess { return "its process could not be watched: \(error)" }
        guard let code = error.underlyingError else { return "\(start): \(error)" }
        return "\(start): \(String(cString: strerror(code.rawValue)))\(hint(for: code.rawValue))"
    }

    /// What to do about the error, where that is known.
    private static func hint(for code: Int32) -> String {
        switch code {
        case EMFILE:
            return "; this process's limit is \(sysconf(Int32(_SC_OPEN_MAX))) (ulimit -n)"
        case EAGAIN:
            return "; the limit of processes (ulimit -u, or pids of the control group) or of memory is reached"
        default: return ""
        }
    }
}
