internal import CSwerveSystem
internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

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
        case .descriptor(let descriptor): descriptor.signal(SIGKILL)
        case .number(let process): signal(process, SIGKILL)
        }
    }

    /// Returns when the process has ended; nobody has waited for it by then.
    static func end(of process: Int32) async {
        await withCheckedContinuation { continuation in
            // A queue of its own has a thread of its own while it blocks.
            DispatchQueue(label: "swerve.process").async {
                swerve_process_wait(process)
                continuation.resume()
            }
        }
    }
}

/// Under another name, because methods here are called `kill`.
private func signal(_ process: Int32, _ signal: Int32) { _ = kill(process, signal) }

/// Owns the system's reference to one process.
package final class ProcessDescriptor: Sendable {
    private let descriptor: Int32

    /// - Parameter process: one that nobody has waited for.
    /// - Returns: `nil` where the system has no such references, or no descriptor is left.
    package init?(_ process: Int32) {
        let descriptor = swerve_process_open(process)
        if descriptor < 0 { return nil }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// - Returns: whether the process was there to be signalled.
    @discardableResult package func signal(_ signal: Int32) -> Bool {
        swerve_process_signal(descriptor, signal) == 0
    }
}
