/// How a replica's process writes logs; `nil` for what its instance was told.
package struct ProcessLogs: Hashable, Sendable, Codable, CustomStringConvertible {
    /// `text` or `json`.
    package var format: String?
    /// A level of swift-log, such as `debug`.
    package var level: String?

    package init(format: String? = nil, level: String? = nil) {
        self.format = format
        self.level = level
    }

    package var isEmpty: Bool { self == ProcessLogs() }

    /// These with others on top.
    package func with(_ other: ProcessLogs?) -> ProcessLogs {
        ProcessLogs(format: other?.format ?? format, level: other?.level ?? level)
    }

    package var description: String { [format, level].compactMap { $0 }.joined(separator: ", ") }
}
