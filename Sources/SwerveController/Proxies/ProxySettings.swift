package import SwerveCore
package import SwerveLogs
package import SwerveTracing

/// What a proxy's process is told at its start, in the variable that workers get their settings in. It gets the
/// listening socket as its standard input.
package struct ProxySettings: Sendable {
    package var instance: InstanceID
    package var number: UInt64
    /// Where the instance listens for its proxies.
    package var address: String
    package var eventLoops: Int
    package var maxSharedBytes: Int
    package var http: HTTPSettings
    package var logs: LogSettings
    /// Where the proxy's spans go; `nil` for nowhere.
    package var tracing: TracingSettings?

    package init(
        instance: InstanceID,
        number: UInt64,
        address: String,
        eventLoops: Int,
        maxSharedBytes: Int,
        http: HTTPSettings,
        logs: LogSettings = LogSettings(),
        tracing: TracingSettings? = nil
    ) {
        self.instance = instance
        self.number = number
        self.address = address
        self.eventLoops = eventLoops
        self.maxSharedBytes = maxSharedBytes
        self.http = http
        self.logs = logs
        self.tracing = tracing
    }

    private static let mark = "proxy"

    /// One line for each value. Paths may contain any character except a line end.
    package var text: String {
        let own = [
            Self.mark, "\(instance)", "\(number)", address, "\(eventLoops)", "\(maxSharedBytes)", logs.text,
            tracing?.text ?? "",
        ]
        return (own + http.lines).joined(separator: "\n")
    }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count > 8, lines[0] == Self.mark, let instance = InstanceID(lines[1]),
            let number = UInt64(lines[2]), let eventLoops = Int(lines[4]), let maxSharedBytes = Int(lines[5]),
            let logs = LogSettings(lines[6]), let http = HTTPSettings(lines[8...])
        else { return nil }
        let tracing = TracingSettings(lines[7])
        guard tracing != nil || lines[7].isEmpty else { return nil }
        self.init(
            instance: instance,
            number: number,
            address: lines[3],
            eventLoops: eventLoops,
            maxSharedBytes: maxSharedBytes,
            http: http,
            logs: logs,
            tracing: tracing
        )
    }
}
