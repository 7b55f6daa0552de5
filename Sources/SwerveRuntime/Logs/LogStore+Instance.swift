internal import Logging
internal import SwerveCore
internal import SwerveLaunch
internal import SwerveLogs
internal import SwerveSystem

extension LogStore {
    /// The time of day, in nanoseconds since 1970.
    static let now: @Sendable () -> Int64 = { WallClock.nanoseconds }

    /// What an instance with these options keeps its logs in.
    static func of(_ options: ServeOptions) throws(ServeError) -> LogStore {
        guard let path = options.logs.directory else { return LogStore(options.logs, now: now) }
        let logger = options.logger
        let files = LogFiles(options.logs, try LogDirectory(path)) { reason in
            logger.warning("what processes write is missing in their files", metadata: ["reason": "\(reason)"])
        }
        return LogStore(options.logs, files: files, now: now)
    }

    /// What becomes of what processes write.
    ///
    /// - Parameter source: whose lines they are.
    func output(_ source: @escaping @Sendable (ReplicaID) -> LogSource) -> ProcessOutput {
        ProcessOutput(passesOn: options.passesOn, keptIn: self, as: source)
    }

    var settings: LogSettings { LogSettings(options) }
}
