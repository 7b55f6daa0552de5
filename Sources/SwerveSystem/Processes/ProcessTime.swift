/// The processor time of another process.
package enum ProcessTime {
    /// How much the process and its threads have used so far; `nil` where that cannot be told, as when it is gone.
    package static func used(by process: Int32) -> Duration? {
        guard let bytes = try? FileSystem.read("/proc/\(process)/stat", limit: 4096) else { return nil }
        return time(in: String(decoding: bytes, as: UTF8.self))
    }

    /// - Parameter stat: the content of `/proc/PID/stat`. Its second field, the program's name in parentheses, may hold
    ///   anything, so fields are counted from the last parenthesis on.
    static func time(in stat: String) -> Duration? {
        guard let fields = fields(of: stat) else { return nil }
        // User and system time are fields 14 and 15 of the line, and so 12 and 13 from here.
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
        return .milliseconds((user + system) * 1000 / ticksPerSecond)
    }

    /// When the process started, in seconds since the machine did.
    static func start(in stat: String) -> Double? {
        // Field 22 of the line.
        guard let fields = fields(of: stat), fields.count > 19, let start = Int64(fields[19]) else { return nil }
        return Double(start) / Double(ticksPerSecond)
    }

    /// The fields from the third of the line on.
    private static func fields(of stat: String) -> [Substring]? {
        stat.lastIndex(of: ")").map { stat[stat.index(after: $0)...].split(separator: " ") }
    }

    /// What Linux shows to programs on every machine, whatever the kernel counts in.
    private static let ticksPerSecond: Int64 = 100
}
