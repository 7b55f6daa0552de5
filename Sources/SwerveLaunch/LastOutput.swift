internal import Synchronization

/// The last lines that a process wrote to its standard error, for the message that says why it ended.
///
/// After a crash, only the lines before the runtime's report and backtrace are kept: they name the reason, and the
/// report is long.
struct LastOutput {
    /// At most this many lines are kept, of at most this many bytes each.
    static let maximumLines = 10
    static let maximumLineBytes = 500

    /// How the Swift runtime's crash reports begin, with its backtracer and without.
    private static let reports = ["*** Signal ", "*** Program crashed", "Current stack trace:"]

    private var lines: [String] = []
    private var partial: [UInt8] = []
    private var hasReport = false

    /// Adds bytes that the process wrote.
    mutating func wrote(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                endLine()
            } else if partial.count < Self.maximumLineBytes {
                partial.append(byte)
            }
        }
    }

    private mutating func endLine() {
        let line = String(decoding: partial, as: UTF8.self)
        partial.removeAll(keepingCapacity: true)
        if Self.reports.contains(where: line.hasPrefix) { hasReport = true }
        guard !hasReport, !line.allSatisfy(\.isWhitespace) else { return }
        lines.append(line)
        if lines.count > Self.maximumLines { lines.removeFirst() }
    }

    /// The lines, including a last one without a line end.
    mutating func text() -> String {
        if !partial.isEmpty { endLine() }
        return lines.joined(separator: "\n")
    }
}
