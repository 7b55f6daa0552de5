internal import Dispatch
internal import SwerveSystem

/// A running child, by which it can be ended; never another process that got the same number after it.
enum ChildProcess: Sendable {
    /// The system's own reference to the process. It stays good after the process was waited for.
    case descriptor(ProcessDescriptor)
    /// The number, where the system has nothing better. It is good only until the process is waited for, so nobody may
    /// do that before ``end()`` has returned and this value is out of reach.
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

    /// Returns when the process has ended; nobody has waited for it by then.
    static func end(of process: Int32) async {
        await withCheckedContinuation { continuation in
            // A queue of its own has a thread of its own while it blocks.
            DispatchQueue(label: "swerve.process").async {
                ProcessNumber.waitForEnd(of: process)
                continuation.resume()
            }
        }
    }
}
