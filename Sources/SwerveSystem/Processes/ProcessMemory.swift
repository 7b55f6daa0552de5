/// The memory of another process.
package enum ProcessMemory {
    /// The bytes of memory that the process has in use, what it shares with others included; `nil` where that cannot be
    /// told, as when it is gone.
    package static func resident(of process: Int32) -> Int? {
        guard let bytes = try? FileSystem.read("/proc/\(process)/status", limit: 1 << 16) else { return nil }
        return resident(in: String(decoding: bytes, as: UTF8.self))
    }

    /// - Parameter status: the content of `/proc/PID/status`.
    static func resident(in status: String) -> Int? {
        for line in status.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            let fields = line.split { $0 == " " || $0 == "\t" }
            guard fields.count == 3, let kibibytes = Int(fields[1]) else { return nil }
            return kibibytes * 1024
        }
        return nil
    }
}
