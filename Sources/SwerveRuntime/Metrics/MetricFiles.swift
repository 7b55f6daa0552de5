internal import Logging
internal import SwerveCore
internal import SwerveMetrics
internal import SwerveSystem

/// The files in which the processes of an instance count, in the instance's directory.
enum MetricFiles {
    static let ending = ".metrics"

    /// Makes the file of this process. If that fails, it counts in memory that nobody reads, and the log says so.
    ///
    /// - Parameters:
    ///   - path: where to make it.
    ///   - caller: see ``ProcessMetrics/caller``.
    ///   - replica: the replica that the process is for.
    static func make(_ path: String, caller: String, replica: ReplicaID? = nil, _ logger: Logger) -> ProcessMetrics {
        let limits = replica == nil ? MetricLimits.instance : .replica
        let (words, definitions) = (limits.words, limits.definitionBytes)
        let memory: MetricMemory
        do throws(SystemFailure) {
            let bytes = MetricMemory.size(words: words, definitionBytes: definitions)
            let file = try MappedFile(making: path, bytes: bytes)
            memory = MetricMemory(file.memory, words: words, definitionBytes: definitions, owner: file)
        } catch {
            logger.warning(
                "this process's metrics are not seen",
                metadata: ["error": "\(error.attempt) of '\(error.path)': \(error.reason)"]
            )
            memory = .own()
        }
        let registry = MetricRegistry(memory, limit: limits.series) { logger.metricsOverflow($0) }
        return ProcessMetrics(registry, caller: caller, replica: replica)
    }

    /// A reader of another process's file; `nil` while it is not there, or if it has another layout.
    static func read(_ path: String) -> MetricReader? {
        guard let file = try? MappedFile(reading: path) else { return nil }
        return MetricMemory.other(file.memory, bytes: file.count, owner: file).map { MetricReader($0) }
    }
}

extension Logger {
    /// Series of metrics found no room.
    func metricsOverflow(_ reason: String) { warning("metrics overflow", metadata: ["reason": "\(reason)"]) }
}
