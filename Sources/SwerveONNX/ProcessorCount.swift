internal import SwerveSystem

extension ThreadShare {
    /// The number of cores that this process may use: the cores of its affinity, or fewer if its control group has a
    /// CPU quota.
    public static func availableCores() -> Int {
        // Systems without control groups have none of these files.
        let quota = quota(
            version2: Files.text("/sys/fs/cgroup/cpu.max"),
            version1Quota: Files.text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
            version1Period: Files.text("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
        )
        let cores = ThisProcess.allowedCores
        return max(1, quota.map { min(cores, $0) } ?? cores)
    }

    /// A control group's quota in whole cores, rounded down, at least 1; nil without a quota.
    ///
    /// - Parameters:
    ///   - version2: the content of `cpu.max`, for example `150000 100000` or `max 100000`.
    ///   - version1Quota: the content of `cpu.cfs_quota_us`; -1 means none.
    ///   - version1Period: the content of `cpu.cfs_period_us`.
    package static func quota(version2: String?, version1Quota: String?, version1Period: String?) -> Int? {
        let numbers: (Substring?, Substring?)
        if let version2 {
            let parts = version2.split { $0.isWhitespace }
            numbers = (parts.first, parts.count > 1 ? parts[1] : nil)
        } else {
            numbers = (
                version1Quota?.split { $0.isWhitespace }.first, version1Period?.split { $0.isWhitespace }.first
            )
        }
        guard let quota = numbers.0.flatMap({ Int($0) }), let period = numbers.1.flatMap({ Int($0) }), quota > 0,
            period > 0
        else { return nil }
        return max(1, quota / period)
    }
}
