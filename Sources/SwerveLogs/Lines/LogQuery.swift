internal import DequeModule
internal import SwerveCore

/// Which lines somebody wants.
package struct LogQuery: Hashable, Sendable {
    /// What the lines are of; those that are `nil` do not matter.
    package var application: String?
    package var deployment: String?
    /// The name of a process, as ``LogSource/description`` has it, or a kind such as `proxy`.
    package var process: String?
    /// The least level. A line without one counts as `info`.
    package var level: LogLevel?
    /// What the line contains, whatever its case.
    package var contains: String?
    /// In nanoseconds since 1970.
    package var since: Int64?
    /// Only lines with a larger number.
    package var after: Int?
    /// How many lines at most: the latest ones, or the first ones after ``after``.
    package var lines: Int

    /// The most lines of one answer: 10,000.
    package static let mostLines = 10_000
    /// The lines of an answer to a query that names no number: 1000.
    package static let usualLines = 1000

    package init(
        application: String? = nil,
        deployment: String? = nil,
        process: String? = nil,
        level: LogLevel? = nil,
        contains: String? = nil,
        since: Int64? = nil,
        after: Int? = nil,
        lines: Int = Self.usualLines
    ) {
        self.application = application
        self.deployment = deployment
        self.process = process
        self.level = level
        self.contains = contains
        self.since = since
        self.after = after
        self.lines = lines
    }

    /// Whether lines of this process are wanted.
    package func wants(_ source: LogSource) -> Bool {
        if let application, source.replica?.deployment.application != application { return false }
        if let deployment, source.replica?.deployment.deployment != deployment { return false }
        if let process, source.description != process, source.kind.rawValue != process { return false }
        return true
    }

    private func wants(_ line: LogLine) -> Bool {
        if let since, line.time < since { return false }
        if let level, line.level ?? .info < level { return false }
        if let contains, !line.text.lowercased().contains(contains.lowercased()) { return false }
        return true
    }

    /// The lines that are wanted, in the order in which they came.
    package func lines(of buffers: some Sequence<LogBuffer>) -> [LogLine] {
        var found: [LogLine] = []
        for buffer in buffers {
            if let after {
                let first = buffer.lines.reversed().prefix { $0.number > after }.count
                found += buffer.lines.suffix(first).lazy.filter(wants).prefix(lines)
            } else {
                found += buffer.lines.reversed().lazy.filter(wants).prefix(lines)
            }
        }
        found.sort { $0.number < $1.number }
        return Array(after == nil ? found.suffix(lines) : found.prefix(lines))
    }
}
