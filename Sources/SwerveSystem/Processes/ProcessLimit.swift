internal import CSwerveSystem

/// A limit that the system enforces on a process.
package enum ProcessLimit: Sendable, CaseIterable {
    case openFiles, addressSpace, processes, fileSize, coreSize

    private var number: Int32 {
        switch self {
        case .openFiles: Int32(swerve_limit_open_files.rawValue)
        case .addressSpace: Int32(swerve_limit_address_space.rawValue)
        case .processes: Int32(swerve_limit_processes.rawValue)
        case .fileSize: Int32(swerve_limit_file_size.rawValue)
        case .coreSize: Int32(swerve_limit_core_size.rawValue)
        }
    }

    /// The highest value that this process, and those that it starts, may have; `nil` for no bound.
    package var bound: Int? {
        let bound = swerve_limit_bound(number)
        return bound < 0 ? nil : Int(bound)
    }

    /// Limits this process, which cannot raise the limit again.
    ///
    /// - Throws: the system's reason.
    package func set(_ value: Int) throws(ErrorNumber) {
        guard swerve_limit_set(number, Int64(value)) == 0 else { throw .last }
    }
}
