#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What standard output is.
package enum Terminal {
    package static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether text may have colours: on a terminal, unless NO_COLOR is set.
    package static var hasColours: Bool { isTerminal && (ThisProcess.environmentVariable("NO_COLOR") ?? "").isEmpty }

    /// The columns of the terminal; `nil` for a file or a pipe.
    package static var width: Int? {
        var size = winsize()
        guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Shows lines in the place of those that were shown before.
    package static func replace(_ shown: Int, by lines: [String]) {
        // Up, and away with everything below.
        if shown > 0 { print("\u{1B}[\(shown)A\u{1B}[J", terminator: "") }
        for line in lines { print(line) }
        ThisProcess.flush()
    }
}
