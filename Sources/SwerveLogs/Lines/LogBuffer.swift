package import DequeModule

/// The latest lines of one process.
package struct LogBuffer: Sendable {
    package private(set) var lines: Deque<LogLine> = []
    /// What the lines take of ``maxBytes``.
    package private(set) var bytes = 0
    /// How many lines had to go.
    package private(set) var dropped = 0
    /// The number of the last line that had to go; `nil` if there is none.
    package private(set) var lastDropped: Int?
    private let maxLines: Int
    private let maxBytes: Int

    package init(maxLines: Int, maxBytes: Int) {
        self.maxLines = maxLines
        self.maxBytes = maxBytes
    }

    /// Adds a line. The oldest ones go when there are more lines or bytes than allowed; the last one always stays.
    package mutating func append(_ line: LogLine) {
        lines.append(line)
        bytes += line.cost
        while lines.count > 1, lines.count > maxLines || bytes > maxBytes {
            let oldest = lines.removeFirst()
            bytes -= oldest.cost
            dropped += 1
            lastDropped = oldest.number
        }
    }
}
