package import ArgumentParser
internal import Logging
internal import SwerveCore
package import SwerveLogs

/// What a command line says of logs. What it leaves out stays as it is.
package struct LogArguments: ParsableArguments {
    @Option(help: "The folder for a file of each process's output.")
    package var logs: String?

    @Option(help: "How lines of logs are written: text or json; text by default.")
    package var logFormat: String?

    @Option(
        help: "The least level that is logged: trace, debug, info, notice, warning, error or critical; info by default."
    )
    package var logLevel: String?

    @Flag(inversion: .prefixedNo, help: "Write a line for each HTTP request.")
    package var accessLog: Bool?

    @Option(help: "The largest log file in bytes; 10 MiB by default. After that, a new one begins.")
    package var logMaxFileBytes: Int?

    @Option(help: "How many log files a process has; 3 by default. The oldest one is removed.")
    package var logMaxFiles: Int?

    @Option(help: "The bytes of all log files; 1 GiB by default. Beyond that, those of processes that have ended go.")
    package var logMaxTotalBytes: Int?

    package init() {}

    package func validate() throws {
        if let logFormat, LogOptions.Format(logFormat) == nil {
            throw ValidationError("--log-format is '\(logFormat)'; it must be text or json")
        }
        let levels = Logger.Level.allCases.map(\.rawValue)
        if let logLevel, !levels.contains(logLevel) {
            let nearest = NearestName.of(logLevel, among: levels).map { "; did you mean '\($0)'?" } ?? ""
            throw ValidationError(
                "--log-level is '\(logLevel)'; it must be one of \(levels.joined(separator: ", "))\(nearest)"
            )
        }
        var options = LogOptions()
        apply(to: &options)
        if let problem = options.problem {
            let arguments = [
                "logs.directory": "--logs", "logs.maxFileBytes": "--log-max-file-bytes",
                "logs.maxFiles": "--log-max-files", "logs.maxTotalBytes": "--log-max-total-bytes",
            ]
            throw ValidationError(problem.namingArguments(arguments))
        }
    }

    /// Whether it says how lines are written.
    package var saysHow: Bool { logFormat != nil || logLevel != nil }

    package func apply(to options: inout LogOptions) {
        options.directory = logs ?? options.directory
        options.format = logFormat.flatMap { LogOptions.Format($0) } ?? options.format
        options.level = logLevel.flatMap { Logger.Level(rawValue: $0) } ?? options.level
        options.accessLog = accessLog ?? options.accessLog
        options.maxFileBytes = logMaxFileBytes ?? options.maxFileBytes
        options.maxFiles = logMaxFiles ?? options.maxFiles
        options.maxTotalBytes = logMaxTotalBytes ?? options.maxTotalBytes
    }
}

extension String {
    /// A problem that begins with the name of an option, with the argument's name instead.
    func namingArguments(_ arguments: [String: String]) -> String {
        let option = prefix { $0 != " " }
        return (arguments[String(option)] ?? String(option)) + dropFirst(option.count)
    }
}
