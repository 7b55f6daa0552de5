/// A line that a process wrote.
package struct LogLine: Hashable, Sendable {
    /// Counts the lines of all processes, in the order in which they came.
    package let number: Int
    /// When it came, in nanoseconds since 1970.
    package let time: Int64
    package let source: LogSource
    package let stream: OutputStream
    /// The level that the line says itself; `nil` for a line that no logger wrote.
    package let level: LogLevel?
    /// Without its end.
    package let text: String

    package init(
        number: Int,
        time: Int64,
        source: LogSource,
        stream: OutputStream,
        text: String
    ) {
        self.number = number
        self.time = time
        self.source = source
        self.stream = stream
        self.level = LogLevel(of: text)
        self.text = text
    }

    /// What it takes of ``LogOptions/maxBytes``: its bytes, and so many for what stands beside them.
    package var cost: Int { text.utf8.count + 64 }
}

/// Where a process wrote something.
package enum OutputStream: String, Hashable, Sendable { case output, error }

/// The levels of swift-log.
package enum LogLevel: String, Hashable, Sendable, CaseIterable, Comparable {
    case trace, debug, info, notice, warning, error, critical

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.order < right.order }
    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The level in a line of a logger: `TIME LEVEL …`, as ``ServeLogHandler`` and swift-log's own handlers write it, or
    /// a JSON object with a `level` near its beginning.
    package init?(of line: String) {
        if line.hasPrefix("{") {
            let beginning = line.utf8.prefix(Self.searched)
            guard let name = Self.text(after: #""level":"#, in: beginning) else { return nil }
            self.init(rawValue: name.lowercased())
        } else {
            let words = line.prefix(Self.searched).split(separator: " ", maxSplits: 2)
            guard words.count > 1, words[0].utf8.first.map({ (48...57).contains($0) }) == true else { return nil }
            self.init(rawValue: words[1].lowercased())
        }
    }

    /// How much of a line is searched for its level.
    private static let searched = 200

    private static func text(after name: String, in bytes: Substring.UTF8View) -> String? {
        let wanted = Array(name.utf8)
        var rest = bytes
        while rest.count > wanted.count {
            if rest.starts(with: wanted) {
                let value = rest.dropFirst(wanted.count).drop { $0 == UInt8(ascii: " ") }
                guard value.first == UInt8(ascii: "\"") else { return nil }
                return String(decoding: value.dropFirst().prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}
