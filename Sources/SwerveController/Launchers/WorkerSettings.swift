package import SwerveCore
package import SwerveLogs
package import SwerveTracing

/// A worker's settings, passed to it at its start in the variable `SWERVE_WORKER`.
package struct WorkerSettings: Hashable, Sendable {
    package static let variable = "SWERVE_WORKER"

    package var instance: InstanceID
    package var replica: ReplicaID
    /// The socket of the process with the controller.
    package var controllerAddress: String
    /// Where the worker listens.
    package var address: String
    /// The file of its board, where it notes how far it got.
    package var boardPath: String
    /// The devices that the replica holds.
    package var gpus: [String] = []
    /// The control group that the worker enters before it does anything else; empty for none.
    package var group = ""
    /// The bytes of memory to which the worker limits itself; 0 for no limit.
    package var memory = 0
    /// Whether user code counts with swift-metrics where the instance's metrics are.
    package var bootstrapsMetrics = true
    /// What the worker limits itself to beside memory.
    package var limits = ProcessLimits()
    /// The limits of the HTTP connections that a direct replica takes from the listening socket, which is its standard
    /// input; `nil` for another replica.
    package var http: HTTPSettings?
    /// How many bytes of memory the worker shares with others.
    package var maxSharedBytes = 0
    package var logs = LogSettings()
    /// Where the worker's spans go; `nil` for nowhere.
    package var tracing: TracingSettings?

    package init(
        instance: InstanceID,
        replica: ReplicaID,
        controllerAddress: String,
        address: String,
        boardPath: String
    ) {
        self.instance = instance
        self.replica = replica
        self.controllerAddress = controllerAddress
        self.address = address
        self.boardPath = boardPath
    }

    /// One line for each value. Paths may contain any character except a line end.
    package var text: String {
        let lines = [
            "\(instance)", "\(replica.number)", "\(replica.deployment)", controllerAddress, address, boardPath,
            gpus.joined(separator: ","), group, "\(memory)", "\(maxSharedBytes)", "\(bootstrapsMetrics)", logs.text,
            tracing?.text ?? "", limits.text,
        ]
        return (lines + (http?.lines ?? [])).joined(separator: "\n")
    }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let http = HTTPSettings(lines.dropFirst(14))
        guard lines.count == 14 || http != nil, lines.count >= 14, let instance = InstanceID(lines[0]),
            let number = UInt64(lines[1]), let deployment = DeploymentID(lines[2]), let memory = Int(lines[8]),
            let maxSharedBytes = Int(lines[9]), let bootstrapsMetrics = Bool(lines[10]),
            let logs = LogSettings(lines[11]), let limits = ProcessLimits(lines[13])
        else {
            return nil
        }
        let tracing = TracingSettings(lines[12])
        guard tracing != nil || lines[12].isEmpty else { return nil }
        self.init(
            instance: instance,
            replica: ReplicaID(deployment: deployment, number: number),
            controllerAddress: lines[3],
            address: lines[4],
            boardPath: lines[5]
        )
        gpus = lines[6].split(separator: ",").map(String.init)
        group = lines[7]
        self.memory = memory
        self.limits = limits
        self.http = http
        self.maxSharedBytes = maxSharedBytes
        self.bootstrapsMetrics = bootstrapsMetrics
        self.logs = logs
        self.tracing = tracing
    }
}
