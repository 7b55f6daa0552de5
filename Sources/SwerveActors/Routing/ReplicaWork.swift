package import SwerveHTTPTypes

/// A request that a replica of this process works on.
package protocol ReplicaWork: AnyObject, Sendable {
    /// The context of the request's task.
    var context: RequestContext? { get }
    /// Does the work; called on the replica's actor.
    func run(on entry: ReplicaEntry) async
    /// Tells the task that ``run(on:)`` runs in; it may be over already.
    func started(_ task: Task<Void, Never>)
}

/// Requests for one replica that arrived together.
package protocol ReplicaBatch: Sendable {
    var work: [any ReplicaWork] { get }
    /// Answers may be held back from now on, to leave together.
    func begin()
    /// What was held back leaves.
    func end()
}

/// The way into a replica's actor, for code that runs on the actor already.
package struct ReplicaEntry {
    /// Calls the distributed method with that identifier.
    package let call: Call
    package typealias Call = (String, inout InvocationDecoder, ResultHandler) async throws -> Void
    /// Answers an HTTP request.
    package let respond: (HTTPRequest) async throws -> HTTPResponse
}
