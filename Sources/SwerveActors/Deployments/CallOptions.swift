internal import Distributed
public import SwerveCore

/// The options of calls through one handle.
package struct CallOptions: Hashable, Sendable {
    package var timeout: Duration?
    package var priority: RequestPriority?
    package var sessionKey: String?
    package var modelID: String?
    /// The caller declares that running the request twice does no harm, so a lost replica does not fail it.
    package var idempotent = false
    /// Whether a second replica gets a call that takes longer than most.
    package var hedged = false
    /// The only replica that may get the calls. It does not travel with the handle.
    package var replica: ReplicaID?

    package init() {}

    /// The context of a call with these options; `nil` if it is that of the caller.
    func context() throws(ServeError) -> ServeContext? {
        if let timeout, timeout <= .zero { throw ServeError(.invalidOptions, "timeout must be longer than zero") }
        guard priority != nil || sessionKey != nil || modelID != nil else { return nil }
        var context = ServeContext.current ?? ServeContext(requestID: "")
        var attributes = context.attributes ?? RequestAttributes()
        if let priority { attributes.priority = priority }
        if let sessionKey { attributes.sessionKey = sessionKey }
        if let modelID { attributes.modelID = modelID }
        try attributes.validate()
        context.attributes = attributes
        return context
    }
}

// How options travel with a handle: a word for each, behind a space.
extension CallOptions {
    private static let timeoutWord = "timeout="
    private static let idempotentWord = "idempotent"
    private static let hedgedWord = "hedged"
    private static let priorityWord = "priority="
    private static let sessionWord = "session="
    private static let modelWord = "model="

    var words: String {
        var words: [String] = []
        if let timeout { words.append(Self.timeoutWord + "\(timeout.nanoseconds)") }
        if let priority { words.append(Self.priorityWord + "\(priority)") }
        if let sessionKey { words.append(Self.sessionWord + Self.escaped(sessionKey)) }
        if let modelID { words.append(Self.modelWord + Self.escaped(modelID)) }
        if idempotent { words.append(Self.idempotentWord) }
        if hedged { words.append(Self.hedgedWord) }
        return words.map { " " + $0 }.joined()
    }

    /// `nil` without words. An unknown word is ignored.
    init?(_ words: ArraySlice<Substring>) {
        if words.isEmpty { return nil }
        for word in words {
            func value(_ name: String) -> Substring? { word.hasPrefix(name) ? word.dropFirst(name.count) : nil }
            if word == Self.idempotentWord { idempotent = true }
            if word == Self.hedgedWord { hedged = true }
            if let time = value(Self.timeoutWord).flatMap({ Int64($0) }) { timeout = .nanoseconds(time) }
            if let name = value(Self.priorityWord) { priority = RequestPriority(String(name)) }
            if let key = value(Self.sessionWord) { sessionKey = Self.unescaped(key) }
            if let id = value(Self.modelWord) { modelID = Self.unescaped(id) }
        }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("%", with: "%25").replacing(" ", with: "%20")
    }

    private static func unescaped(_ text: Substring) -> String {
        String(text.replacing("%20", with: " ").replacing("%25", with: "%"))
    }
}

extension Deployment {
    /// The same handle with other options for its calls. `nil` keeps an option as it is.
    ///
    /// The options hold for calls through the returned handle, and through copies of it that are sent to other
    /// deployments, also as an argument of `bind`. The calls that a call leads to inherit the deadline, the priority,
    /// the session key and the model ID.
    ///
    /// - Parameters:
    ///   - timeout: how long each call may take, with the time it waits for a replica. Then it fails with code
    ///     `deadlineExceeded`, and what it started is cancelled. An earlier deadline of the caller stays.
    ///   - priority: how urgent the calls are while they wait for a replica.
    ///   - sessionKey: calls with the same key go to the same replica, where the deployment's `routing` heeds it; at
    ///     most 256 bytes.
    ///   - modelID: the model that the calls are for, in a deployment whose replicas hold several; at most 256 bytes.
    ///   - idempotent: whether the calls may safely run twice. If a replica is lost while it works on such a call,
    ///     another replica gets the call, up to two times, instead of the call failing with code `replicaLost`. A
    ///     budget limits how many calls are tried again.
    ///   - hedged: whether a call that takes longer than 95 % of the method's hedged calls is also sent to a second
    ///     replica, which at most a tenth of the calls are. The first answer counts, the other attempt is cancelled.
    ///     Only for calls that may safely run twice; they count as idempotent.
    public nonisolated func options(
        timeout: Duration? = nil,
        priority: RequestPriority? = nil,
        sessionKey: String? = nil,
        modelID: String? = nil,
        idempotent: Bool? = nil,
        hedged: Bool? = nil
    ) -> Self {
        // An actor that is here is called as it is.
        if case .local = id.target { return self }
        var options = id.callOptions ?? CallOptions()
        options.timeout = timeout ?? options.timeout
        options.priority = priority ?? options.priority
        options.sessionKey = sessionKey ?? options.sessionKey
        options.modelID = modelID ?? options.modelID
        options.idempotent = idempotent ?? options.idempotent
        options.hedged = hedged ?? options.hedged
        return actorSystem.reference(ServeID(id.target, callOptions: options))
    }
}
