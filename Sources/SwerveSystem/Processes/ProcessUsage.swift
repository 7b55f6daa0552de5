/// What another process uses of the machine, as far as the system tells.
package struct ProcessUsage: Hashable, Sendable {
    /// The processor time that it and its threads have used.
    package var processorTime: Duration
    /// When it started, in seconds since 1970 and fractions of them.
    package var startedAt: Double
    /// Its share of memory in bytes: what several processes share is divided among them. `nil` if the system does not
    /// tell.
    package var memory: Int?

    package init(processorTime: Duration, startedAt: Double, memory: Int?) {
        self.processorTime = processorTime
        self.startedAt = startedAt
        self.memory = memory
    }

    /// - Returns: `nil` where the system does not tell, as for a process that is gone.
    package static func of(_ process: Int32) -> ProcessUsage? { of(process, read: Machine.text) }

    static func of(_ process: Int32, read: (String) -> String?) -> ProcessUsage? {
        guard let stat = read("/proc/\(process)/stat"), let time = ProcessTime.time(in: stat),
            let start = ProcessTime.start(in: stat), let boot = bootTime(read("/proc/stat") ?? "")
        else { return nil }
        return ProcessUsage(
            processorTime: time,
            startedAt: Double(boot) + start,
            memory: read("/proc/\(process)/smaps_rollup").flatMap(proportionalMemory)
        )
    }

    /// When the machine started, in seconds since 1970.
    private static func bootTime(_ stat: String) -> Int64? {
        let line = stat.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line?.split(separator: " ").last.flatMap { Int64($0) }
    }

    private static func proportionalMemory(_ rollup: String) -> Int? {
        let line = rollup.split(separator: "\n").first { $0.hasPrefix("Pss:") }
        let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return kibibytes.map { $0 * 1024 }
    }
}
