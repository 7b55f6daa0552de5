internal import CSwerveSystem
internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

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
        case .descriptor(let descriptor): descriptor.signal(SIGKILL)
        case .number(let process): signal(process, SIGKILL)
        }
    }

    /// Returns when the process has ended; it has not been waited for by then.
    static func end(of process: Int32) async {
        await withCheckedContinuation { continuation in
            // Each queue has its own thread while it blocks.
            DispatchQueue(label: "swerve.process").async {
                swerve_process_wait(process)
                continuation.resume()
            }
        }
    }
}

/// Has another name because methods here are called `kill`.
private func signal(_ process: Int32, _ signal: Int32) { _ = kill(process, signal) }

/// Owns the system's reference to one process.
package final class ProcessDescriptor: Sendable {
    private let descriptor: Int32

    /// - Parameter process: a child that nobody has waited for.
    /// - Returns: `nil` where the system has no such references, or when no descriptor is left.
    package init?(_ process: Int32) {
        let descriptor = swerve_process_open(process)
        if descriptor < 0 { return nil }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// - Returns: whether the process still existed.
    @discardableResult package func signal(_ signal: Int32) -> Bool {
        swerve_process_signal(descriptor, signal) == 0
    }
}
