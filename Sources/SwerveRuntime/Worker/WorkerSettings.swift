package import SwerveCore

/// What a worker is told at its start, in the variable `SWERVE_WORKER`.
package struct WorkerSettings: Sendable {
    package static let variable = "SWERVE_WORKER"

    package var controllerAddress: String
    package var replica: ReplicaID

    var text: String { "\(replica.number)\n\(replica.deployment)\n\(controllerAddress)" }

    init(controllerAddress: String, replica: ReplicaID) {
        self.controllerAddress = controllerAddress
        self.replica = replica
    }

    package init?(_ text: String) {
        let lines = text.split(separator: "\n", maxSplits: 2)
        guard lines.count == 3, let number = UInt64(lines[0]), let deployment = DeploymentID(String(lines[1])) else {
            return nil
        }
        self.replica = ReplicaID(deployment: deployment, number: number)
        self.controllerAddress = String(lines[2])
    }

    /// Where the worker listens. The processes of an instance have their sockets in one directory.
    package var address: String { Self.address(of: replica, beside: controllerAddress) }
    var boardPath: String { Self.board(of: replica, beside: controllerAddress) }

    static func address(of replica: ReplicaID, beside controllerAddress: String) -> String {
        sibling(of: controllerAddress, "replica-\(replica.number).sock")
    }
    static func board(of replica: ReplicaID, beside controllerAddress: String) -> String {
        sibling(of: controllerAddress, "replica-\(replica.number).board")
    }
    private static func sibling(of path: String, _ name: String) -> String {
        "\(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])/\(name)"
    }
}
