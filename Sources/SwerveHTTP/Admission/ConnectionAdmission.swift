/// Decides how many clients may be connected at a time. Replicas need descriptors too, so clients must not take them
/// all.
package struct ConnectionAdmission: Hashable, Sendable {
    /// The descriptors kept for replicas unless the options say otherwise; never more than a quarter of the limit.
    package static let defaultReserve = 128

    /// What to do with a new connection.
    package enum Decision: Hashable, Sendable {
        case serve
        /// Close the connection that has been idle longest, and serve this one.
        case replaceIdle
        case refuse
    }

    /// The most connections served at a time.
    package let maximum: Int
    /// The most clients at a time that are told that there are too many; more are closed without an answer.
    package let maximumRefusals: Int

    /// - Parameters:
    ///   - limit: how many descriptors the process may have; `nil` if unknown.
    ///   - inUse: how many it has open before the first connection.
    package init(options: HTTPServerOptions, limit: Int?, inUse: Int) {
        guard let limit else {
            maximum = max(1, options.maxConnections)
            maximumRefusals = Self.defaultReserve / 4
            return
        }
        let reserve = options.reservedDescriptors ?? min(Self.defaultReserve, limit / 4)
        maximum = max(1, min(options.maxConnections, limit - inUse - reserve))
        // Refused clients hold descriptors for a moment, out of the reserve.
        maximumRefusals = max(1, reserve / 4)
    }

    /// - Parameters:
    ///   - connections: how many are being served.
    ///   - canReplaceIdle: whether an idle connection can make room; `nil` if that is not known yet.
    package func decide(connections: Int, canReplaceIdle: Bool?) -> Decision {
        if connections < maximum { return .serve }
        return canReplaceIdle == false ? .refuse : .replaceIdle
    }
}
