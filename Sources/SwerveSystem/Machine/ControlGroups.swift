/// The quotas of processor time and the limits of memory that Linux's control groups give to this process.
///
/// A group's quota also holds for all groups within it, so the smallest one on the way from the process's group to the
/// root counts: a container's quota is often on a parent of the group that its processes are in.
package enum ControlGroups {
    /// The smallest quota, in cores; nil when there is none, as on systems without control groups.
    ///
    /// - Parameter read: the content of a file; nil when there is no such file.
    package static func quota(read: (String) -> String?) -> Double? {
        let groups = paths(read("/proc/self/cgroup") ?? "")
        let mounts = (read("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap(Mount.init)
        var smallest: Double?
        for mount in mounts {
            guard let group = mount.isVersion2 ? groups.version2 : groups.version1 else { continue }
            for folder in mount.folders(of: group) {
                let quota =
                    mount.isVersion2
                    ? quota(read("\(folder)/cpu.max") ?? "")
                    : quota("\(read("\(folder)/cpu.cfs_quota_us") ?? "") \(read("\(folder)/cpu.cfs_period_us") ?? "")")
                if let quota { smallest = min(quota, smallest ?? quota) }
            }
        }
        return smallest
    }

    /// The smallest limit of memory, in bytes; nil when there is none. Groups of version 1 are not looked at.
    package static func memoryLimit(read: (String) -> String?) -> Int? {
        guard let group = paths(read("/proc/self/cgroup") ?? "").version2 else { return nil }
        let mounts = (read("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap(Mount.init)
        let limits = mounts.filter(\.isVersion2).flatMap { $0.folders(of: group) }.compactMap { folder in
            read("\(folder)/memory.max").flatMap { Int($0.filter { !$0.isWhitespace }) }
        }
        return limits.min()
    }

    /// The folder of the process's group of version 2; `nil` where it cannot be seen.
    package static func ownFolder(read: (String) -> String?) -> String? {
        guard let group = paths(read("/proc/self/cgroup") ?? "").version2 else { return nil }
        let mounts = (read("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap(Mount.init)
        return mounts.first(where: \.isVersion2)?.folders(of: group).last
    }

    /// The process's group of version 2, and its group of version 1 for processor time.
    ///
    /// - Parameter text: lines such as `0::/user.slice` and `4:cpu,cpuacct:/docker/1f`.
    private static func paths(_ text: String) -> (version1: String?, version2: String?) {
        var paths: (version1: String?, version2: String?)
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0", parts[1].isEmpty { paths.version2 = String(parts[2]) }
            if parts[1].split(separator: ",").contains("cpu") { paths.version1 = String(parts[2]) }
        }
        return paths
    }

    /// A quota in cores, from microseconds of processor time and of real time, such as `150000 100000`. `max` and -1
    /// mean that there is none.
    private static func quota(_ text: String) -> Double? {
        let numbers = text.split { $0.isWhitespace }.map { Int($0) }
        guard numbers.count >= 2, let time = numbers[0], let period = numbers[1], time > 0, period > 0 else {
            return nil
        }
        return Double(time) / Double(period)
    }

    /// A place where groups are visible as folders.
    private struct Mount {
        let isVersion2: Bool
        /// The group that the place shows.
        let root: String
        let place: String

        /// - Parameter line: such as `31 23 0:27 /docker/1f /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct`. A place
        ///   that has neither version's quotas gives nil.
        init?(_ line: Substring) {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash > 4, fields.count > dash + 3 else { return nil }
            switch fields[dash + 1] {
            case "cgroup2": isVersion2 = true
            case "cgroup" where fields[dash + 3].split(separator: ",").contains("cpu"): isVersion2 = false
            default: return nil
            }
            root = Mount.unescaped(fields[3])
            place = Mount.unescaped(fields[4])
        }

        /// The folders of a group and of its parents, as far as the place shows them. Of a group outside it, the place
        /// itself: a container sees its own group there under another name.
        func folders(of group: String) -> [String] {
            let prefix = root == "/" ? "" : root
            guard group.hasPrefix(prefix + "/"), !group.contains("/..") else { return [place] }
            let parts = group.dropFirst(prefix.count).split(separator: "/")
            return (0...parts.count).map { ([place] + parts[..<$0].map(String.init)).joined(separator: "/") }
        }

        /// Replaces the octal numbers that stand for spaces and the like.
        private static func unescaped(_ text: Substring) -> String {
            let parts = text.split(separator: "\\", omittingEmptySubsequences: false)
            return parts.dropFirst().reduce(into: String(parts[0])) { result, part in
                if let code = UInt8(part.prefix(3), radix: 8) {
                    result += String(UnicodeScalar(code)) + part.dropFirst(3)
                } else {
                    result += "\\" + part
                }
            }
        }
    }
}
