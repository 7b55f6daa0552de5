internal import Distributed
internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveSystem
internal import Synchronization

/// The actor of a replica and its methods by their identifiers, without the actor's type.
///
/// `executeDistributedTarget` demangles the identifier at each call, which costs several microseconds; the methods that
/// `@Deployment` lists are found once per identifier and called directly. Overloads, generic methods and methods in
/// extensions go through the language runtime.
package class AnyHostedActor: @unchecked Sendable {
    // Unchecked: a class cluster, immutable but for a mutex.
    private let actor: any DistributedActor
    private let methods: [NamedMethod]
    private let known = Mutex<[Known]>([])

    private struct Known {
        let identifier: String
        let method: NamedMethod?
    }
    /// Identifiers come from peers too; past this many different ones nothing more is remembered.
    private static let maximumKnown = 64

    fileprivate init(_ actor: any DistributedActor, _ methods: [NamedMethod]) {
        self.actor = actor
        self.methods = methods
    }

    /// Whether it answers HTTP requests.
    package var isIngress: Bool { false }

    // MARK: Calls

    /// Calls the method from code that is not on the actor.
    func call(_ identifier: String, _ arguments: consuming InvocationDecoder, _ handler: ResultHandler) async throws {
        if let method = method(identifier) {
            try await method.call(actor, arguments, handler)
        } else {
            try await callByRuntime(identifier, &arguments, handler)
        }
    }

    @inline(__always)
    fileprivate func method(_ identifier: String) -> NamedMethod? {
        // A few identifiers, nearly always the same strings: comparing them costs less than hashing one.
        known.withLock { known in
            for each in known where each.identifier == identifier { return each.method }
            return find(identifier, &known)
        }
    }

    private func find(_ identifier: String, _ known: inout [Known]) -> NamedMethod? {
        // Calls through a handle name the method by its symbol, those of a graph by its full name.
        let fullName = identifier.hasPrefix("$s") ? RemoteCallTarget(identifier).description : ".\(identifier)"
        let method = methods.first { fullName.hasSuffix(".\($0.name)") }
        if known.count < Self.maximumKnown { known.append(Known(identifier: identifier, method: method)) }
        return method
    }

    /// Calls a method that the deployment does not list.
    fileprivate func callByRuntime(
        _ identifier: String,
        _ decoder: inout InvocationDecoder,
        _ handler: ResultHandler
    ) async throws {
        preconditionFailure("HostedActor overrides it")
    }

    // MARK: Requests

    /// Waits for the actor's turn.
    func reach() async {
        preconditionFailure("HostedActor overrides it")
    }

    /// Does the work of one request.
    func run(_ request: HostedRequest) async {
        preconditionFailure("HostedActor overrides it")
    }

    /// Takes the actor once and starts all the work, each in a task that runs until it first waits.
    ///
    /// - Parameters:
    ///   - burst: holds the answers back, a few at a time.
    ///   - executor: where the tasks go on after they waited; `nil` is the Swift pool.
    ///   - report: told what the thread used for it.
    func start(
        _ requests: [HostedRequest],
        _ burst: some Burst,
        _ executor: (any TaskExecutor)?,
        _ report: (@Sendable (ThreadUsage) -> Void)?
    ) async {
        preconditionFailure("HostedActor overrides it")
    }
}

// Unchecked because its superclass is.
class HostedActor<Act: Deployment>: AnyHostedActor, @unchecked Sendable {
    private let actor: Act
    /// Made once, on the actor: its closures would be made for each request.
    @exclusivity(unchecked) private var knownEntry: ReplicaEntry?
    /// Answers are held back for so long at most while other requests of their burst start, in nanoseconds.
    private static var maximumHold: Int64 { 300_000 }
    /// So many answers leave together at most: their callers go on while the next requests run.
    private static var answersPerWrite: Int { 16 }

    init(_ actor: Act) {
        self.actor = actor
        super.init(actor, Act._deploymentMethods.map(\.named))
    }

    override fileprivate func callByRuntime(
        _ identifier: String,
        _ decoder: inout InvocationDecoder,
        _ handler: ResultHandler
    ) async throws {
        guard identifier.hasPrefix("$s") else {
            throw ServeError(
                .unknownMethod,
                "\(Act.self) has no distributed method '\(identifier)' that is called by name"
            )
        }
        do {
            try await actor.actorSystem.executeDistributedTarget(
                on: actor,
                target: RemoteCallTarget(identifier),
                invocationDecoder: &decoder,
                handler: handler
            )
        } catch let error as ExecuteDistributedTargetError {
            throw ServeError(
                .unknownMethod,
                "\(Act.self) has no distributed method '\(RemoteCallTarget(identifier))', or it does not take these "
                    + "arguments; caller and replica must be built from the same sources (\(error))"
            )
        }
    }

    override func run(_ request: HostedRequest) async {
        let _: Void? = await actor.whenLocal { actor in
            let entry = self.entry(of: actor)
            if let context = request.context {
                await ServeContext.$current.withValue(context) { await request.run(on: entry) }
            } else {
                await request.run(on: entry)
            }
        }
    }

    override func start(
        _ requests: [HostedRequest],
        _ burst: some Burst,
        _ executor: (any TaskExecutor)?,
        _ report: (@Sendable (ThreadUsage) -> Void)?
    ) async {
        let _: Void? = await actor.whenLocal { actor in
            let before = report == nil ? ThreadUsage.zero : .now()
            self.start(requests, burst, executor, on: actor)
            report?(.since(before))
        }
    }

    override func reach() async {
        let _: Void? = await actor.whenLocal { _ in }
    }

    private func start(
        _ requests: [HostedRequest],
        _ burst: some Burst,
        _ executor: (any TaskExecutor)?,
        on actor: isolated Act
    ) {
        let entry = entry(of: actor)
        var since = NIODeadline.now()
        burst.hold()
        for (index, request) in requests.enumerated() {
            if let context = request.context {
                ServeContext.$current.withValue(context) { begin(request, entry, executor, on: actor) }
            } else {
                begin(request, entry, executor, on: actor)
            }
            guard requests.count > 1 else { break }
            let now = NIODeadline.now()
            let isFull = (index + 1) % Self.answersPerWrite == 0
            guard isFull || (now - since).nanoseconds > Self.maximumHold else { continue }
            since = now
            burst.release()
            burst.hold()
        }
        burst.release()
    }

    private func entry(of actor: isolated Act) -> ReplicaEntry {
        if let knownEntry { return knownEntry }
        let entry = makeEntry(of: actor)
        knownEntry = entry
        return entry
    }

    private func makeEntry(of actor: isolated Act) -> ReplicaEntry {
        // A request holds its replica, and that holds this, which holds the entry.
        ReplicaEntry(
            call: { [unowned self] identifier, arguments, handler in
                var arguments = arguments
                if let method = self.method(identifier) {
                    let method = unsafeDowncast(method.isolated, to: IsolatedMethod<Act>.self)
                    try await method.run(actor, &arguments, handler)
                } else {
                    try await self.callByRuntime(identifier, &arguments, handler)
                }
            },
            respond: { [unowned self] in try await self.respond(to: $0, on: actor) }
        )
    }

    private func begin(
        _ request: HostedRequest,
        _ entry: ReplicaEntry,
        _ executor: (any TaskExecutor)?,
        on actor: isolated Act
    ) {
        // Unstructured: a request lives as long as its caller wants, and is cancelled through what `started` keeps.
        let task = Task.immediate(executorPreference: executor) {
            _ = actor
            await request.run(on: entry)
        }
        request.started(task)
    }

    /// Answers an HTTP request; for subclasses.
    func respond(to request: ServeRequest, on actor: isolated Act) async throws -> ServeResponse {
        throw ServeHTTPError(
            .notImplemented,
            "\(Act.self) does not answer HTTP requests; it can by conforming to HTTPIngress"
        )
    }
}

/// The actor of a replica that answers HTTP requests.
// Unchecked because its superclass is.
final class HostedIngress<Act: HTTPIngress>: HostedActor<Act>, @unchecked Sendable {
    override var isIngress: Bool { true }
    override func respond(to request: ServeRequest, on actor: isolated Act) async throws -> ServeResponse {
        try await actor.respond(to: request)
    }
}
