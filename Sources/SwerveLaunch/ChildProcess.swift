internal import Dispatch
internal import SwerveSystem

/// A running child that can be killed. The kill never hits another process that got the same id later.
enum ChildProcess: Sendable {
    /// The system's own reference to the process. It stays valid after the process was waited for.
    case descriptor(ProcessDescriptor)
    /// The process id, where the system has nothing better. It is valid only until the process is waited for, so nobody
    /// may wait before ``end(of:)`` has returned and this value is out of reach.
    case number(Int32)

    /// - Parameter process: a child that nobody has waited for.
    init(_ process: Int32, usesDescriptors: Bool) {
        if usesDescriptors, let descriptor = ProcessDescriptor(process) {
            self = .descriptor(descriptor)
        } else {
            self = .number(process)
        }
    }

    func kill() {
        switch self {
        case .descriptor(let descriptor): descriptor.signal(.kill)
        case .number(let process): ProcessNumber.signal(process, .kill)
        }
    }

    /// Returns when the process has ended; it has not been waited for by then.
    static func end(of process: Int32) async {
        await withCheckedContinuation { continuation in
            // Each queue has its own thread while it blocks.
            DispatchQueue(label: "swerve.process").async {
                ProcessNumber.waitForEnd(of: process)
                continuation.resume()
            }
        }
    }
}
