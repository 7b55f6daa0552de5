internal import SwerveSystem

extension ThreadShare {
    /// The number of cores that this process may use: the cores of its affinity, or fewer if its control group, or one
    /// around it, has a quota. A quota counts in whole cores, rounded down.
    public static func availableCores() -> Int {
        let cores = ThisProcess.allowedCores
        guard let quota = ControlGroups.quota(read: Files.text) else { return max(1, cores) }
        return max(1, Int(min(Double(cores), quota)))
    }
}
