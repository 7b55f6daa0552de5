package import SwerveCore

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
        "\(instance)\n\(replica.number)\n\(replica.deployment)\n\(controllerAddress)\n\(address)\n\(boardPath)"
    }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 6, let instance = InstanceID(lines[0]), let number = UInt64(lines[1]),
            let deployment = DeploymentID(lines[2])
        else {
            return nil
        }
        self.init(
            instance: instance,
            replica: ReplicaID(deployment: deployment, number: number),
            controllerAddress: lines[3],
            address: lines[4],
            boardPath: lines[5]
        )
    }
}
