package import SwerveCore
package import SwerveLogs

/// What the process of a separate controller is told at its start, in the variable that workers get their settings in.
package struct ControllerSettings: Sendable {
    package var instance: InstanceID
    /// Where the agent listens for its controller.
    package var agentAddress: String
    /// Distinguishes this controller from earlier ones of the same instance.
    package var token: String
    /// The file that keeps the goal.
    package var database: String
    /// Replica numbers below this were given out by earlier starts of the instance.
    package var firstNumber: UInt64
    package var logs: LogSettings

    package init(
        instance: InstanceID,
        agentAddress: String,
        token: String,
        database: String,
        firstNumber: UInt64,
        logs: LogSettings = LogSettings()
    ) {
        self.instance = instance
        self.agentAddress = agentAddress
        self.token = token
        self.database = database
        self.firstNumber = firstNumber
        self.logs = logs
    }

    private static let mark = "controller"

    /// One line for each value. Paths may contain any character except a line end.
    package var text: String {
        [Self.mark, "\(instance)", agentAddress, token, database, "\(firstNumber)", logs.text].joined(separator: "\n")
    }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 7, lines[0] == Self.mark, let instance = InstanceID(lines[1]),
            let first = UInt64(lines[5]),
            let logs = LogSettings(lines[6])
        else { return nil }
        self.init(
            instance: instance,
            agentAddress: lines[2],
            token: lines[3],
            database: lines[4],
            firstNumber: first,
            logs: logs
        )
    }
}
