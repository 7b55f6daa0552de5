internal import Distributed
internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveSystem
internal import SwerveTracing
internal import Synchronization

/// A replica's actor and its methods by identifier, without the actor's type.
///
/// `executeDistributedTarget` demangles the identifier at each call, which costs several microseconds. The methods that
/// `@Deployment` lists are instead looked up once per identifier and called directly. Overloads, generic methods and
/// methods in extensions go through the language runtime.
package class AnyHostedActor: @unchecked Sendable {
    // Unchecked: a class with subclasses, immutable except for a mutex.
    private let actor: any DistributedActor
    private let methods: [NamedMethod]
    private let known = Mutex<[Known]>([])

    private struct Known {
        let identifier: String
        let method: NamedMethod?
    }
    /// How many identifiers are remembered. Peers also send identifiers, so there must be a limit.
    private static let maximumKnown = 64

    fileprivate init(_ actor: any DistributedActor, _ methods: [NamedMethod]) {
        self.actor = actor
        self.methods = methods
    }

    /// Whether it answers HTTP requests.
    package var isIngress: Bool { false }

    // MARK: Calls

    /// Calls the method from code that does not run on the actor.
    func call(_ identifier: String, _ arguments: consuming InvocationDecoder, _ handler: ResultHandler) async throws {
        if let method = method(identifier) {
            try await method.call(actor, arguments, handler)
        } else {
            arguments.looksForStreams = true
            try await callByRuntime(identifier, &arguments, handler)
        }
    }

    @inline(__always)
    fileprivate func method(_ identifier: String) -> NamedMethod? {
        // There are few identifiers, nearly always the same strings: comparing them costs less than hashing one.
        known.withLock { known in
            for each in known where each.identifier == identifier { return each.method }
            return find(identifier, &known)
        }
    }

    private func find(_ identifier: String, _ known: inout [Known]) -> NamedMethod? {
        // Calls through a handle give the method's symbol, calls from a graph its full name.
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

    /// Runs the user's health check.
    ///
    /// - Parameter begun: called on the actor before the check.
    func checkHealth(_ begun: @escaping @Sendable () -> Void) async throws {
        preconditionFailure("HostedActor overrides it")
    }

    /// Has the actor take over a user configuration.
    func reconfigure(_ config: [UInt8]) async throws {
        preconditionFailure("HostedActor overrides it")
    }

    /// Does the work of one request.
    func run(_ request: HostedRequest) async {
        preconditionFailure("HostedActor overrides it")
    }

    /// Enters the actor once and starts all requests, each of which runs here until it first waits.
    ///
    /// - Parameters:
    ///   - burst: holds the answers back, a few at a time.
    ///   - executor: where the tasks continue after their first wait; `nil` is the Swift pool.
    ///   - report: receives what the thread used for this.
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
    /// Created once, on the actor, to avoid creating its closures for each request.
    @exclusivity(unchecked) private var knownEntry: ReplicaEntry?
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
            await self.run(request, self.entry(of: actor), on: actor)
        }
    }

    /// Does the work of one request.
    // What few requests need is not in this function's frame, so that the frames of the others fit in few blocks of the
    // heap. The closures mention the actor, because they would leave it otherwise, and come back for the user's code.
    private func run(_ request: HostedRequest, _ entry: ReplicaEntry, on actor: isolated Act) async {
        if let span = request.span, span !== OpenSpan.current {
            await run(request, entry, within: span, on: actor)
        } else if let use = request.use {
            await run(request, entry, using: use, on: actor)
        } else if let context = request.context {
            await ServeContext.$current.withValue(context) {
                _ = actor
                await request.run(on: entry)
            }
        } else {
            await request.run(on: entry)
        }
    }

    @inline(never)
    private func run(_ request: HostedRequest, _ entry: ReplicaEntry, within span: OpenSpan, on actor: isolated Act)
        async
    {
        await OpenSpan.with(span) {
            _ = actor
            await run(request, entry, on: actor)
        }
    }

    @inline(never)
    private func run(_ request: HostedRequest, _ entry: ReplicaEntry, using use: ModelUse, on actor: isolated Act) async
    {
        await ModelUse.$current.withValue(use) {
            _ = actor
            await ServeContext.$current.withValue(request.context) {
                _ = actor
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

    override func checkHealth(_ begun: @escaping @Sendable () -> Void) async throws {
        let _: Void? = try await actor.whenLocal { actor in
            begun()
            try await actor.checkHealth()
        }
    }

    override func reconfigure(_ config: [UInt8]) async throws {
        guard let reconfigurable = actor as? any Reconfigurable else {
            throw ServeError(.invalidArgument, "\(Act.self) takes no user configuration: it is not Reconfigurable")
        }
        try await Self.reconfigure(reconfigurable, config)
    }

    private static func reconfigure<R: Reconfigurable>(_ actor: R, _ bytes: [UInt8]) async throws {
        let reader = BinaryReader(.init(bytes: bytes), system: actor.actorSystem)
        let config = try reader.nextRegion(R.UserConfig.self)
        let _: Void? = try await actor.whenLocal { try await $0.reconfigure(config) }
    }

    private func start(
        _ requests: [HostedRequest],
        _ burst: some Burst,
        _ executor: (any TaskExecutor)?,
        on actor: isolated Act
    ) {
        let entry = entry(of: actor)
        let run = BurstRun(requests, burst)
        while let (turn, first) = run.begin() {
            // Unstructured: a request lives as long as its caller wants. One that waits keeps the task for cancellation.
            let task = Task.immediate(executorPreference: executor) {
                var next: HostedRequest? = first
                while let request = next {
                    await self.run(request, entry, on: actor)
                    next = run.next(turn)
                }
            }
            run.left(task)
        }
        run.end()
    }

    private func entry(of actor: isolated Act) -> ReplicaEntry {
        if let knownEntry { return knownEntry }
        let entry = makeEntry(of: actor)
        knownEntry = entry
        return entry
    }

    private func makeEntry(of actor: isolated Act) -> ReplicaEntry {
        // Unowned is safe and avoids a cycle: a request retains its replica, which retains this object, which retains
        // the entry.
        ReplicaEntry(
            call: { [unowned self] request, handler in
                var arguments = request.arguments()
                try await self.call(request.target, &arguments, handler, on: actor)
            },
            callWithFetched: { [unowned self] request, arguments, handler in
                var arguments = arguments
                try await self.call(request.target, &arguments, handler, on: actor)
            },
            respond: { [unowned self] in try await self.respond(to: $0, on: actor) }
        )
    }

    @inline(__always)
    private func call(
        _ identifier: String,
        _ arguments: inout InvocationDecoder,
        _ handler: ResultHandler,
        on actor: isolated Act
    ) async throws {
        if let method = method(identifier) {
            let method = unsafeDowncast(method.isolated, to: IsolatedMethod<Act>.self)
            try await method.run(actor, &arguments, handler)
        } else {
            try await callByRuntime(identifier, &arguments, handler)
        }
    }

    /// Answers an HTTP request. Subclasses override it.
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
