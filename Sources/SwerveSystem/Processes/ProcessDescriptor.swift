internal import CSwerveSystem

/// Owns the system's reference to one process.
package final class ProcessDescriptor: Sendable {
    private let descriptor: Descriptor

    /// - Parameter process: one that nobody has waited for.
    /// - Returns: `nil` where the system has no such references, or no descriptor is left.
    package init?(_ process: Int32) {
        let descriptor = swerve_process_open(process)
        if descriptor < 0 { return nil }
        self.descriptor = Descriptor(descriptor)
    }

    /// - Returns: whether the process was there to be signalled.
    @discardableResult package func signal(_ signal: ProcessSignal) -> Bool {
        swerve_process_signal(descriptor.number, signal.rawValue) == 0
    }
}

/// Processes by their numbers, which are good only until somebody has waited for the process.
package enum ProcessNumber {
    package static func signal(_ process: Int32, _ signal: ProcessSignal) { systemSignal(process, signal.rawValue) }

    /// Blocks until a child has ended, and leaves it to others to wait for it.
    package static func waitForEnd(of process: Int32) { swerve_process_wait(process) }
}
