internal import Synchronization

/// The last lines that a process wrote to its standard error, for the message that says why it ended.
///
/// Of a crash only what comes before the report with the backtrace counts: it names the reason, the report is long.
struct LastOutput {
    /// So many lines are kept at most, of so many bytes each.
    static let maximumLines = 10
    static let maximumLineBytes = 500

    /// How the reports of the Swift runtime begin: those of its backtracer, and those without it.
    private static let reports = ["*** Signal ", "*** Program crashed", "Current stack trace:"]

    private var lines: [String] = []
    private var partial: [UInt8] = []
    private var hasReport = false

    /// The process wrote something.
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

    /// The lines, the last one also when it has no end.
    mutating func text() -> String {
        if !partial.isEmpty { endLine() }
        return lines.joined(separator: "\n")
    }
}
