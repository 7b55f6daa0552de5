internal import Subprocess
internal import SwerveSystem

#if canImport(System)
    internal import System
#else
    internal import SystemPackage
#endif
/// What people read about processes that ended or could not be started.
enum LaunchFailure {
    static func describe(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): code == 0 ? "its process ended" : "its process exited with code \(code)"
        case .signaled(let signal): "its process was ended by signal \(signal) (\(name(of: ProcessSignal(signal))))"
        }
    }

    private static func name(of signal: ProcessSignal) -> String {
        switch signal {
        case .kill: "killed"
        case .trap, .illegalInstruction: "a trap, such as a failed precondition"
        case .segmentationFault, .busError: "bad memory access"
        case .abort: "abort"
        case .terminate: "terminated"
        default: signal.text
        }
    }

    static func describe(_ error: any Error, executable: String) -> String {
        let start = "no process could be started from '\(executable)'"
        guard let error = error as? SubprocessError else { return "\(start): \(error)" }
        if error.code == .executableNotFound {
            return "\(start): \(FileSystem.exists(executable) ? "it cannot be executed" : "there is no such file")"
        }
        if error.code == .failedToChangeWorkingDirectory {
            return "\(start): it cannot start in its working directory: \(error)"
        }
        if error.code == .failedToMonitorProcess { return "its process could not be watched: \(error)" }
        guard let code = error.underlyingError.map({ ErrorNumber($0.rawValue) }) else { return "\(start): \(error)" }
        return "\(start): \(code)\(hint(for: code))"
    }

    /// What can be done about it, where that is known.
    private static func hint(for code: ErrorNumber) -> String {
        // With the type spelled out: System matches errors against constants of the same names, and of its own type.
        switch code {
        case ErrorNumber.tooManyOpenFiles: "; this process's limit is \(Descriptors.limit) (ulimit -n)"
        case ErrorNumber.tryAgain:
            "; the limit of processes (ulimit -u, or pids of the control group) or of memory is reached"
        default: ""
        }
    }
}
