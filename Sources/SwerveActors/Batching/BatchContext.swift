public import SwerveCore

/// What a `@Batched` method can learn about its batch while it runs.
///
/// ``ServeContext/current`` is then that of the batch: its request ID is that of the first item, and its deadline is the
/// latest one of the items, or none if one of them has none. It has the highest priority of the items, and their session
/// key and model ID if all have the same. Calls that the method makes carry it on.
public struct BatchContext: Sendable {
    /// The contexts of the requests that the items belong to, in the order of the items; `nil` for calls from outside
    /// requests. Items that only fill the batch up have none.
    public var requests: [ServeContext?]
    /// Why the batch closed.
    public var reason: BatchReason

    /// The context of the batch that the current task runs; `nil` elsewhere.
    @TaskLocal public static var current: BatchContext?

    /// What calls that the batch makes carry on.
    var shared: ServeContext? {
        guard let first = requests.lazy.compactMap(\.self).first else { return nil }
        let deadlines = requests.map { $0?.deadline }
        let latest = deadlines.contains(nil) ? nil : deadlines.compactMap(\.self).max { $0.time < $1.time }
        let deadline = latest.map { RequestDeadline($0.time, clock: $0.clock) }
        return ServeContext(requestID: first.requestID, deadline: deadline, attributes: attributes)
    }

    private var attributes: RequestAttributes? {
        let all = requests.map { $0?.attributes }
        guard let first = all.first, all.contains(where: { $0 != nil }) else { return nil }
        if all.allSatisfy({ $0 == first }) { return first }
        // A batch of several traces belongs to none, unless it has a span of its own.
        let priority = all.map { $0?.priority ?? .normal }.max() ?? .normal
        var shared = RequestAttributes(priority: priority)
        if let key = first?.sessionKey, all.allSatisfy({ $0?.sessionKey == key }) { shared.sessionKey = key }
        if let id = first?.modelID, all.allSatisfy({ $0?.modelID == id }) { shared.modelID = id }
        return shared == RequestAttributes() ? nil : shared
    }
}
