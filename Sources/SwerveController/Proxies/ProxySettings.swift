package import SwerveCore

/// What a proxy's process is told at its start, in the variable that workers get their settings in. It gets the
/// listening socket as its standard input.
package struct ProxySettings: Sendable {
    package var instance: InstanceID
    package var number: UInt64
    /// Where the instance listens for its proxies.
    package var address: String
    package var eventLoops: Int
    package var maxBodyBytes: Int
    package var maxHeadBytes: Int
    package var maxBufferedBytes: Int
    package var maxConnections: Int
    package var maxSharedBytes: Int
    package var idleTimeout: Duration
    package var requestTimeout: Duration?

    package init(
        instance: InstanceID,
        number: UInt64,
        address: String,
        eventLoops: Int,
        maxBodyBytes: Int,
        maxHeadBytes: Int,
        maxBufferedBytes: Int,
        maxConnections: Int,
        maxSharedBytes: Int,
        idleTimeout: Duration,
        requestTimeout: Duration?
    ) {
        self.instance = instance
        self.number = number
        self.address = address
        self.eventLoops = eventLoops
        self.maxBodyBytes = maxBodyBytes
        self.maxHeadBytes = maxHeadBytes
        self.maxBufferedBytes = maxBufferedBytes
        self.maxConnections = maxConnections
        self.maxSharedBytes = maxSharedBytes
        self.idleTimeout = idleTimeout
        self.requestTimeout = requestTimeout
    }

    private static let mark = "proxy"

    /// One line for each value. Paths may contain any character except a line end.
    package var text: String {
        let numbers = [
            eventLoops, maxBodyBytes, maxHeadBytes, maxBufferedBytes, maxConnections, maxSharedBytes,
        ].map { "\($0)" }
        let times = [idleTimeout, requestTimeout].map { $0.map { "\($0.nanoseconds)" } ?? "" }
        return ([Self.mark, "\(instance)", "\(number)", address] + numbers + times).joined(separator: "\n")
    }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 12, lines[0] == Self.mark, let instance = InstanceID(lines[1]),
            let number = UInt64(lines[2]), let idle = Int64(lines[10])
        else { return nil }
        let numbers = lines[4...9].compactMap { Int($0) }
        let limit = Int64(lines[11])
        guard numbers.count == 6, limit != nil || lines[11].isEmpty else { return nil }
        self.init(
            instance: instance,
            number: number,
            address: lines[3],
            eventLoops: numbers[0],
            maxBodyBytes: numbers[1],
            maxHeadBytes: numbers[2],
            maxBufferedBytes: numbers[3],
            maxConnections: numbers[4],
            maxSharedBytes: numbers[5],
            idleTimeout: .nanoseconds(idle),
            requestTimeout: limit.map { .nanoseconds($0) }
        )
    }
}
