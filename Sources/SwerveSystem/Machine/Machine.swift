/// What this process may use of its machine.
package enum Machine {
    /// The cores of the process's affinity, or fewer if its control group, or one around it, has a quota.
    package static var cores: Double {
        let cores = Double(ThisProcess.allowedCores)
        return ControlGroups.quota(read: text).map { min($0, cores) } ?? cores
    }

    /// The memory in bytes: the machine's, or less if the process's control group, or one around it, has a limit; 0 if
    /// unknown.
    package static var memory: Int { memory(read: text) }

    package static func memory(read: (String) -> String?) -> Int {
        let line = (read("/proc/meminfo") ?? "").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let total = kibibytes.multipliedReportingOverflow(by: 1024)
        let memory = total.overflow ? 0 : total.partialValue
        guard let limit = ControlGroups.memoryLimit(read: read) else { return memory }
        return memory == 0 ? limit : min(memory, limit)
    }

    /// The largest of the system's files that are read.
    private static let largestFile = 1 << 20

    /// The content of a file of the system's; `nil` if there is no such file, or a large one.
    static func text(_ path: String) -> String? {
        (try? FileSystem.read(path, limit: largestFile)).map { String(decoding: $0, as: UTF8.self) }
    }
}
