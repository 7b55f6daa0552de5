internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A signal, by its number.
package struct ProcessSignal: Hashable, Sendable {
    package let rawValue: Int32

    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let kill = ProcessSignal(SIGKILL)
    package static let trap = ProcessSignal(SIGTRAP)
    package static let illegalInstruction = ProcessSignal(SIGILL)
    package static let segmentationFault = ProcessSignal(SIGSEGV)
    package static let busError = ProcessSignal(SIGBUS)
    package static let abort = ProcessSignal(SIGABRT)
    package static let terminate = ProcessSignal(SIGTERM)
    package static let brokenPipe = ProcessSignal(SIGPIPE)

    /// The system's own text.
    package var text: String { String(cString: strsignal(rawValue)) }

    /// From now on the signal has no effect on this process, nor on the programs that it starts.
    package func ignore() { systemIgnore(rawValue) }

    /// From now on the signal has no effect on this process. For the programs that it starts, unlike with ``ignore()``,
    /// the signal does what it does by default.
    package func discard() { swerve_discard_signal(rawValue) }
}
