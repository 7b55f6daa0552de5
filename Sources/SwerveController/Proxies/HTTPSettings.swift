internal import SwerveCore

/// The limits of HTTP connections, as a process is told them that takes connections from the listening socket.
package struct HTTPSettings: Hashable, Sendable {
    package var maxBodyBytes: Int
    package var maxHeadBytes: Int
    package var maxBufferedBytes: Int
    package var maxConnections: Int
    package var idleTimeout: Duration
    package var requestTimeout: Duration?

    package init(
        maxBodyBytes: Int,
        maxHeadBytes: Int,
        maxBufferedBytes: Int,
        maxConnections: Int,
        idleTimeout: Duration,
        requestTimeout: Duration?
    ) {
        self.maxBodyBytes = maxBodyBytes
        self.maxHeadBytes = maxHeadBytes
        self.maxBufferedBytes = maxBufferedBytes
        self.maxConnections = maxConnections
        self.idleTimeout = idleTimeout
        self.requestTimeout = requestTimeout
    }

    /// One for each value.
    var lines: [String] {
        [maxBodyBytes, maxHeadBytes, maxBufferedBytes, maxConnections].map { "\($0)" }
            + [idleTimeout, requestTimeout].map { $0.map { "\($0.nanoseconds)" } ?? "" }
    }

    static let lineCount = 6

    /// - Returns: `nil` for what ``lines`` does not produce.
    init?(_ lines: some Collection<String>) {
        let lines = Array(lines)
        guard lines.count == Self.lineCount, let idle = Int64(lines[4]) else { return nil }
        let numbers = lines[..<4].compactMap { Int($0) }
        let limit = Int64(lines[5])
        guard numbers.count == 4, limit != nil || lines[5].isEmpty else { return nil }
        self.init(
            maxBodyBytes: numbers[0],
            maxHeadBytes: numbers[1],
            maxBufferedBytes: numbers[2],
            maxConnections: numbers[3],
            idleTimeout: .nanoseconds(idle),
            requestTimeout: limit.map { .nanoseconds($0) }
        )
    }
}
