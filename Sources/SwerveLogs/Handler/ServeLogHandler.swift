public import Logging
internal import SwerveSystem

/// Swerve's handler for swift-log: one line of text or JSON for each message, written at once, to standard error.
///
/// In the processes that Swerve starts, every `Logger` has it, unless ``LogOptions/bootstrapsProcesses`` is `false`.
/// Programs can use it in their own process, too; see `ServeLogging`.
public struct ServeLogHandler: LogHandler {
    private let label: String
    private let format: LogOptions.Format
    private let now: @Sendable () -> Int64
    private let write: @Sendable (String) -> Void
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level

    /// - Parameters:
    ///   - label: the logger's.
    ///   - metadataProvider: what adds metadata to each message.
    ///   - now: the time in nanoseconds since 1970.
    ///   - write: takes each line with its end.
    package init(
        label: String,
        format: LogOptions.Format,
        level: Logger.Level,
        metadataProvider: Logger.MetadataProvider?,
        now: @escaping @Sendable () -> Int64,
        write: @escaping @Sendable (String) -> Void = { StandardError.write($0) }
    ) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.metadataProvider = metadataProvider
        self.now = now
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        write(LogRecord(event, of: self, label: label, time: now()).line(format))
    }
}
