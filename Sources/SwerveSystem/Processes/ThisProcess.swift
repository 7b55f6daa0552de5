internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The process that this code runs in.
package enum ThisProcess {
    package static var id: Int32 { getpid() }

    /// The process that started this one; another one once that has ended.
    package static var parentID: Int32 { getppid() }

    package static var userID: UInt32 { getuid() }

    package static func environmentVariable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    package static func removeEnvironmentVariable(_ name: String) { unsetenv(name) }

    /// The path of the program that runs.
    package static func executable() throws(SystemFailure) -> String {
        var path = [CChar](repeating: 0, count: 4097)
        let count = readlink(runningExecutable, &path, 4096)
        guard count > 0 else { throw SystemFailure("read", runningExecutable, .last) }
        return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Means the file that runs, also when another one has taken its name since, and also in children.
    package static let runningExecutable = "/proc/self/exe"

    /// What tells this program from every other build of it; empty where builds cannot be told apart.
    package static var buildID: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = swerve_build_id(&bytes, bytes.count)
        return Array(bytes[..<count])
    }

    /// The number of cores that the affinity of this process allows, or else all that are online.
    package static var allowedCores: Int { Int(swerve_allowed_cores()) }

    /// The processor time that this process has used.
    package static var processorTime: Duration { .nanoseconds(swerve_process_time()) }

    /// Ends the process as `main` does when it returns.
    package static func exit(_ status: Int32) -> Never { systemExit(status) }

    /// Ends the process without the clean-up of `exit`, which may wait for other threads. Standard output is still
    /// written.
    package static func flushAndExit(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    /// Ends the process without waiting for anything.
    package static func exitAtOnce(_ status: Int32) -> Never { _exit(status) }
}
