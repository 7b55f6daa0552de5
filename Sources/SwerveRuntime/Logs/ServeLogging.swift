public import Logging
internal import SwerveActors
internal import SwerveCore
public import SwerveLogs

/// Logs that say which request and which replica a line belongs to.
///
/// In the processes that Swerve starts, every `Logger` has this metadata, whatever its label: `request_id`,
/// `application`, `deployment` and `replica`, as far as there are such. In a program's own process, where the program
/// decides what swift-log does, say one of these at the beginning of `main`:
/// ```swift
/// ServeLogging.bootstrap()
/// LoggingSystem.bootstrap(MyHandler.init, metadataProvider: ServeLogging.metadataProvider)
/// ```
public enum ServeLogging {
    /// Has every `Logger` of this process use ``ServeLogHandler``. Like `LoggingSystem.bootstrap`, it may be called once
    /// in a process, before the first `Logger` is made, and not beside that.
    ///
    /// - Parameter options: the format and the least level.
    public static func bootstrap(_ options: LogOptions = LogOptions()) { LogSettings(options).bootstrap() }

    /// A logger that writes as ``bootstrap(_:)`` says, whatever swift-log does in this process.
    package static func logger(_ options: LogOptions) -> Logger {
        let settings = LogSettings(options)
        return Logger(label: "swerve") { settings.handler($0, metadataProvider) }
    }

    /// The metadata of the request that a task works on, and of the replica that it works for.
    public static let metadataProvider = Logger.MetadataProvider {
        var metadata = ofProcess
        if metadata.isEmpty, let working = WorkingReplica.current?.id ?? ReplicaContext.current?.replica {
            metadata = Self.metadata(of: working)
        }
        if let context = ServeContext.current, !context.requestID.isEmpty {
            metadata["request_id"] = .string(context.requestID)
        }
        return metadata
    }

    // Written once, before the process does anything else.
    /// The metadata of the only replica of this process; empty if there may be several.
    nonisolated(unsafe) private static var ofProcess: Logger.Metadata = [:]

    /// Says that this process hosts this replica and no other. Call it before anything else.
    static func hosts(_ replica: ReplicaID) { ofProcess = metadata(of: replica) }

    private static func metadata(of replica: ReplicaID) -> Logger.Metadata {
        [
            "application": .string(replica.deployment.application),
            "deployment": .string(replica.deployment.deployment), "replica": .string(replica.description),
        ]
    }
}

extension LogSettings {
    /// Sets up swift-log in this process.
    func bootstrap() {
        let settings = self
        LoggingSystem.bootstrap({ settings.handler($0, $1) }, metadataProvider: ServeLogging.metadataProvider)
    }

    fileprivate func handler(_ label: String, _ provider: Logger.MetadataProvider?) -> ServeLogHandler {
        ServeLogHandler(label: label, format: format, level: level, metadataProvider: provider, now: LogStore.now)
    }
}
