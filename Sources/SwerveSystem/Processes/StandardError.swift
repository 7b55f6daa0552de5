#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Standard error, which may be a terminal.
package enum StandardError {
    package static let descriptor = STDERR_FILENO

    package static var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The width of the terminal; nil when it is not known.
    package static var columns: Int? {
        #if canImport(Musl)
            return nil
        #else
            var size = winsize()
            return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : nil
        #endif
    }

    /// Writes the text. That a terminal has gone away is no failure.
    package static func write(_ text: String) {
        try? Descriptors.writeAll(descriptor, text.utf8)
    }
}

/// Standard output.
package enum StandardOutput {
    package static let descriptor = STDOUT_FILENO
}
