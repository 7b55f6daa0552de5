package import SwerveCore
package import SwerveLogs
package import SwerveTracing

/// The files of an instance's processes, all in one directory: the sockets at which they listen and the workers'
/// boards.
package struct WorkerFiles: Sendable {
    private let instance: InstanceID
    private let directory: String
    private let maxSharedBytes: Int
    private let bootstrapsMetrics: Bool
    private let logs: LogSettings
    private let tracing: TracingSettings?

    /// - Parameters:
    ///   - maxSharedBytes: how much memory each process shares with others.
    ///   - bootstrapsMetrics: whether what user code counts with swift-metrics is the instance's.
    ///   - tracing: where the workers' spans go; `nil` for nowhere.
    package init(
        of instance: InstanceID,
        directory: String,
        maxSharedBytes: Int = 0,
        bootstrapsMetrics: Bool = true,
        logs: LogSettings = LogSettings(),
        tracing: TracingSettings? = nil
    ) {
        self.logs = logs
        self.maxSharedBytes = maxSharedBytes
        self.bootstrapsMetrics = bootstrapsMetrics
        self.tracing = tracing
        self.instance = instance
        self.directory = directory
    }

    /// Where the process with the controller listens.
    package var controllerAddress: String { "\(directory)/controller.sock" }

    /// Where the process with the controller listens for its proxies.
    package var proxiesAddress: String { "\(directory)/proxies.sock" }

    /// Where the process with the controller listens for clients outside of the instance.
    package var clientsAddress: String { InstanceDirectory.clientsAddress(in: directory, instance) }

    /// The memory in which the processes of an instance share the counts of waiting requests.
    ///
    /// - Parameter address: where one of them listens.
    package static func queuesPath(beside address: String) -> String {
        let folder = address.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return folder.joined(separator: "/") + "/queues"
    }

    /// The file in which a process counts.
    ///
    /// - Parameter address: where it listens.
    package static func metricsPath(beside address: String) -> String {
        (address.hasSuffix(".sock") ? String(address.dropLast(5)) : address) + ".metrics"
    }

    /// The file in which a proxy counts.
    ///
    /// - Parameter address: where the instance listens for its proxies.
    package static func metricsPath(ofProxy number: UInt64, beside address: String) -> String {
        let folder = address.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return folder.joined(separator: "/") + "/proxy-\(number).metrics"
    }

    /// The settings for a replica's process.
    func settings(of replica: ReplicaID) -> WorkerSettings {
        var settings = WorkerSettings(
            instance: instance,
            replica: replica,
            controllerAddress: controllerAddress,
            address: "\(directory)/replica-\(replica.number).sock",
            boardPath: "\(directory)/replica-\(replica.number).board"
        )
        settings.maxSharedBytes = maxSharedBytes
        settings.bootstrapsMetrics = bootstrapsMetrics
        settings.logs = logs
        settings.tracing = tracing
        return settings
    }

    /// The name of the control group of a replica's process, which no other instance uses.
    func group(of replica: ReplicaID) -> String { "swerve-\(instance)-\(replica.number)" }

    /// Removes the files that a process left when it ended.
    func remove(of replica: ReplicaID) {
        let settings = settings(of: replica)
        InstanceDirectory.remove(settings.address)
        InstanceDirectory.remove(settings.boardPath)
        InstanceDirectory.remove(Self.metricsPath(beside: settings.address))
    }
}
