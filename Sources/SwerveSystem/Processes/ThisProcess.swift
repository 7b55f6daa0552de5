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

    /// All variables, each as the bytes of `NAME=value`.
    package static var environment: [[UInt8]] {
        guard let first = swerve_environment() else { return [] }
        var entries: [[UInt8]] = []
        var next = first
        while let entry = next.pointee {
            entries.append([UInt8](UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return entries
    }

    package static func removeEnvironmentVariable(_ name: String) { unsetenv(name) }

    /// The path of the program that runs.
    package static func executable() throws(SystemFailure) -> String {
        var path = [CChar](repeating: 0, count: 4097)
        let count = readlink(runningExecutable, &path, 4096)
        guard count > 0 else { throw SystemFailure("read", runningExecutable, .last) }
        return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The name of the program's file; `program` where it cannot be told.
    package static var name: String {
        let path = try? executable()
        return path?.split(separator: "/").last.map(String.init) ?? "program"
    }

    /// Means the file that runs, also when another one has taken its name since, and also in children.
    package static let runningExecutable = "/proc/self/exe"

    /// What tells this program from every other build of it; empty where builds cannot be told apart. Without
    /// ``linkedBuildID`` a copy of the program has another one.
    package static var buildID: [UInt8] {
        let linked = linkedBuildID
        if !linked.isEmpty { return linked }
        let identity = swerve_executable_identity()
        return identity == 0 ? [] : (0..<8).map { UInt8(truncatingIfNeeded: identity >> (8 * $0)) }
    }

    /// The build id that the linker wrote into the program; empty if it wrote none.
    package static var linkedBuildID: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = swerve_build_id(&bytes, bytes.count)
        return Array(bytes[..<count])
    }

    /// The number of cores that the affinity of this process allows, or else all that are online.
    package static var allowedCores: Int { Int(swerve_allowed_cores()) }

    /// The processor time that this process has used.
    package static var processorTime: Duration { .nanoseconds(swerve_process_time()) }

    /// From now on, refuses the process more memory than it has, and so many bytes: what it reserves for itself counts,
    /// also if it is not used yet, such as the stacks of threads. Mapped files that are only read do not count, nor does
    /// memory that is shared with other processes.
    ///
    /// - Returns: whether the system has such a limit.
    package static func limitMemory(toFurther bytes: Int) -> Bool {
        guard let present = privateMemory() else { return false }
        let (limit, isTooMuch) = present.addingReportingOverflow(bytes)
        return isTooMuch || swerve_limit_memory(Int64(limit)) == 0
    }

    /// Whether ``limitMemory(toFurther:)`` works here.
    package static var canLimitMemory: Bool { privateMemory() != nil }

    /// The memory in bytes that the process has for itself alone; `nil` where the system does not tell.
    private static func privateMemory() -> Int? {
        let line = Machine.text("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("VmData:") }
        return line?.split { $0.isWhitespace }.dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// Makes a session of its own for this process, so that neither the end of a terminal nor its keys reach it.
    package static func leaveTerminal() { _ = setsid() }

    /// From now on, standard output holds back no whole line, wherever it goes.
    package static func writeLinesAtOnce() { swerve_write_lines_at_once() }

    /// From now on, standard output and standard error go to the end of a file.
    ///
    /// - Parameter mode: who may do what with the file if it is made.
    package static func redirectOutput(to path: String, mode: UInt32) throws(SystemFailure) {
        do throws(ErrorNumber) {
            let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_APPEND, mode: mode)
            for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
                guard dup2(file.number, descriptor) >= 0 else { throw .last }
            }
        } catch {
            throw SystemFailure("write", path, error)
        }
    }

    /// Writes what standard output holds back.
    package static func flush() { fflush(nil) }

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
