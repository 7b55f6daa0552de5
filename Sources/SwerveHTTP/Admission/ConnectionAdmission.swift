/// How many clients may be connected at a time. Replicas need descriptors, too: clients must not have them all.
package struct ConnectionAdmission: Hashable, Sendable {
    /// What is kept for replicas unless the options say otherwise; of a small limit at most a quarter.
    package static let defaultReserve = 128

    /// What becomes of a new connection.
    package enum Decision: Hashable, Sendable {
        case serve
        /// Close the connection that has been idle longest, and serve this one.
        case replaceIdle
        case refuse
    }

    /// So many connections are served at a time.
    package let maximum: Int
    /// So many clients are told that there are too many at a time; more are closed without a word.
    package let maximumRefusals: Int

    /// - Parameters:
    ///   - limit: how many descriptors the process may have; `nil` when that is not known.
    ///   - inUse: how many it has before the first connection.
    package init(options: HTTPServerOptions, limit: Int?, inUse: Int) {
        guard let limit else {
            maximum = max(1, options.maxConnections)
            maximumRefusals = Self.defaultReserve / 4
            return
        }
        let reserve = options.reservedDescriptors ?? min(Self.defaultReserve, limit / 4)
        maximum = max(1, min(options.maxConnections, limit - inUse - reserve))
        // Refused clients have descriptors for a moment, out of the reserve.
        maximumRefusals = max(1, reserve / 4)
    }

    /// - Parameters:
    ///   - connections: how many are served.
    ///   - canReplaceIdle: `nil` when it is not known yet whether there is an idle one.
    package func decide(connections: Int, canReplaceIdle: Bool?) -> Decision {
        if connections < maximum { return .serve }
        return canReplaceIdle == false ? .refuse : .replaceIdle
    }
}
