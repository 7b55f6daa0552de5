public import Logging
package import SwerveCore

/// What an instance does with its logs: what its processes write, and how Swerve's own handler writes it.
///
/// What replicas, proxies and a separate controller write to standard output and standard error is kept in memory, for
/// `swerve logs` and the dashboard, up to limits for each process; with ``directory`` also in files.
public struct LogOptions: Hashable, Sendable {
    /// How a line of a log is written.
    public struct Format: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// `2026-11-29T17:22:07.123Z info swerve.replica: message name=value`. The default.
        public static let text = Format(description: "text")
        /// A JSON object on one line.
        public static let json = Format(description: "json")

        /// - Returns: `nil` for another text.
        package init?(_ text: String) {
            guard let format = [Self.text, .json].first(where: { $0.description == text }) else { return nil }
            self = format
        }
        private init(description: String) {
            self.description = description
        }
    }

    /// The directory with a file for each process; `nil`, the default, for none. It is made if it is not there, and only
    /// this user can read the files.
    public var directory: String?
    /// How Swerve's handler writes lines in replicas, proxies and a separate controller.
    public var format: Format
    /// The least level that they write; `info` by default.
    public var level: Logger.Level
    /// Whether each HTTP request gets a line when it is over; `false` by default, and then it costs nothing. The line
    /// has the path, but no query, header or content.
    public var accessLog: Bool
    /// Whether what the processes write also goes to this process's standard output and standard error; `true` by
    /// default.
    public var passesOn: Bool
    /// Whether Swerve sets up swift-log in the processes that it starts, with its handler and the metadata of requests;
    /// `true` by default. `false` leaves that to code of the application's in replicas, such as an initialiser that calls
    /// `LoggingSystem.bootstrap`, which would fail after Swerve's.
    public var bootstrapsProcesses: Bool
    /// The most lines of a process in memory; 2000 by default. Older ones go.
    public var maxLines: Int
    /// The most bytes of a process's lines in memory; 1 MiB by default. Older ones go.
    public var maxBytes: Int
    /// The longest line in bytes; 16 KiB by default. The rest of a longer one is dropped, and the line says how much.
    public var maxLineBytes: Int
    /// The most bytes of a file; 10 MiB by default. After that, it gets another name and a new one begins.
    public var maxFileBytes: Int
    /// The most files of a process, with the one that is being written; 3 by default. The oldest one is removed.
    public var maxFiles: Int
    /// Of how many processes that have ended the lines and files stay; 20 by default. Those that ended first go.
    public var maxEndedProcesses: Int
    /// The most bytes of all files; 1 GiB by default. Beyond that, files of processes that have ended are removed, the
    /// oldest ones first; those of running processes are limited by ``maxFileBytes`` and ``maxFiles``.
    public var maxTotalBytes: Int

    public init(
        directory: String? = nil,
        format: Format = .text,
        level: Logger.Level = .info,
        accessLog: Bool = false,
        passesOn: Bool = true,
        bootstrapsProcesses: Bool = true,
        maxLines: Int = 2000,
        maxBytes: Int = 1 << 20,
        maxLineBytes: Int = 16 << 10,
        maxFileBytes: Int = 10 << 20,
        maxFiles: Int = 3,
        maxEndedProcesses: Int = 20,
        maxTotalBytes: Int = 1 << 30
    ) {
        self.directory = directory
        self.format = format
        self.level = level
        self.accessLog = accessLog
        self.passesOn = passesOn
        self.bootstrapsProcesses = bootstrapsProcesses
        self.maxLines = maxLines
        self.maxBytes = maxBytes
        self.maxLineBytes = maxLineBytes
        self.maxFileBytes = maxFileBytes
        self.maxFiles = maxFiles
        self.maxEndedProcesses = maxEndedProcesses
        self.maxTotalBytes = maxTotalBytes
    }

    /// What is wrong with the options, or `nil`.
    package var problem: String? {
        if directory == "" { return "logs.directory is empty; it must be a path, or nil for no files" }
        if directory?.contains(where: \.isNewline) == true {
            return "logs.directory has a line end; it must be a path without one"
        }
        let numbers: [(name: String, value: Int, range: ClosedRange<Int>)] = [
            ("maxLines", maxLines, 1...1_000_000), ("maxBytes", maxBytes, 1024...(1 << 30)),
            ("maxLineBytes", maxLineBytes, 80...(1 << 20)), ("maxFileBytes", maxFileBytes, 4096...(1 << 40)),
            ("maxFiles", maxFiles, 1...1000), ("maxEndedProcesses", maxEndedProcesses, 0...10_000),
            ("maxTotalBytes", maxTotalBytes, 4096...Int.max),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            let accepted =
                range.upperBound == .max
                ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            return "logs.\(name) is \(value); it must be \(accepted)"
        }
        return nil
    }
}

/// How a process of the instance's logs, as it is told at its start.
package struct LogSettings: Hashable, Sendable {
    package var format: LogOptions.Format
    package var level: Logger.Level
    package var accessLog: Bool
    package var bootstraps: Bool

    package init(_ options: LogOptions = LogOptions()) {
        format = options.format
        level = options.level
        accessLog = options.accessLog
        bootstraps = options.bootstrapsProcesses
    }

    /// These settings for a process that is to log otherwise; `nil` changes nothing.
    package func with(_ logs: ProcessLogs?) -> LogSettings {
        var settings = self
        settings.format = logs?.format.flatMap { LogOptions.Format($0) } ?? format
        settings.level = logs?.level.flatMap { Logger.Level(rawValue: $0) } ?? level
        return settings
    }

    /// One line.
    package var text: String { "\(format) \(level.rawValue) \(accessLog) \(bootstraps)" }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4, let format = LogOptions.Format(words[0]),
            let level = Logger.Level(rawValue: words[1]), let accessLog = Bool(words[2]),
            let bootstraps = Bool(words[3])
        else { return nil }
        self.format = format
        self.level = level
        self.accessLog = accessLog
        self.bootstraps = bootstraps
    }
}
