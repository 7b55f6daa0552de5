internal import SwerveSystem

extension ThreadShare {
    /// The number of cores that this process may use: the cores of its affinity, or fewer if its control group, or one
    /// around it, has a quota. A quota counts in whole cores, rounded down.
    public static func availableCores() -> Int {
        max(1, Int(Machine.cores))
    }
}
