internal import Distributed
internal import NIOCore
package import SwerveActors
package import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveMetrics
internal import SwerveRouting
internal import SwerveSystem
internal import SwerveTracing
internal import Synchronization

/// A replica that this process hosts: its actor, and how its methods are called.
package final class HostedReplica: ReplicaConnection, BatchHost, Sendable {
    package let id: ReplicaID
    private let actor: AnyHostedActor
    /// The calls of the actor's batched methods; `nil` if it has none.
    package let batches: BatchTable?
    /// The models of the actor's multiplexed loader; `nil` if it has none.
    package let models: ModelTable?
    /// What it can take over in place.
    private let limit: Atomic<Int>
    private let settings: Mutex<Settings>
    private let execution: Execution
    /// What its code finds as the replica that it works for; `nil` if the process hosts no other.
    private let working: WorkingReplica?
    private let health: ReplicaHealth
    /// `nil` where nothing is counted.
    let metrics: ReplicaMetrics?
    /// Where the process's spans go.
    let tracing: TracingSlot
    private let inlinePolicy = Mutex(InlinePolicy())

    /// The number of ongoing requests, plus ``drainingBit`` once no more are admitted.
    private let ongoingCount = Atomic<Int>(0)
    private static let drainingBit = 1 << 62
    private let whenDrained = Mutex<(@Sendable () -> Void)?>(nil)

    /// Where the replica's requests begin.
    package enum Execution: Sendable {
        /// On the Swift pool, or on the given executor. Requests that arrive together enter the actor once.
        case pool((any TaskExecutor)?)
        /// On the event loop that read them: the user declares that they never block.
        case eventLoop
        /// On the event loop while they prove short, else on the Swift pool. For a process whose loop serves only this
        /// replica.
        case learned
    }

    private struct Settings {
        var compression: DeploymentOptions.Compression
        var requestDecoding: DeploymentOptions.RequestDecoding
        var userConfig: [UInt8]?
    }

    /// - Parameter working: the replica for its code to find, if the process hosts others, too: then logs must be told
    ///   whose requests they are of, and metrics who calls.
    package init<D: Deployment>(
        id: ReplicaID,
        actor: D,
        limit: Int,
        execution: Execution = .pool(nil),
        working: WorkingReplica? = nil,
        compression: DeploymentOptions.Compression = .gzip(),
        requestDecoding: DeploymentOptions.RequestDecoding = .on(),
        checkTimeout: Duration = .seconds(30),
        metrics: ReplicaMetrics? = nil
    ) {
        self.metrics = metrics
        self.id = id
        self.tracing = actor.actorSystem.pools.tracing
        self.actor = (actor as? any HTTPIngress).map { Self.host($0) } ?? HostedActor(actor)
        self.limit = Atomic(limit)
        self.execution = execution
        self.working = working
        self.settings = Mutex(Settings(compression: compression, requestDecoding: requestDecoding))
        self.health = ReplicaHealth(checkTimeout: checkTimeout)
        if !D._batchedMethods.isEmpty, case .local(let identity) = actor.id.target {
            self.batches = identity.batches
        } else {
            self.batches = nil
        }
        if D._multiplexing != nil, case .local(let identity) = actor.id.target {
            self.models = identity.models
        } else {
            self.models = nil
        }
        batches?.attach(self, metrics?.registry, id.labels)
        if let options = D._multiplexing {
            models?.attach(options, executor: taskExecutor, metrics?.registry, id.labels)
        }
    }

    var compression: DeploymentOptions.Compression { settings.withLock { $0.compression } }
    var requestDecoding: DeploymentOptions.RequestDecoding { settings.withLock { $0.requestDecoding } }

    private static func host<I: HTTPIngress>(_ ingress: I) -> AnyHostedActor { HostedIngress(ingress) }

    // MARK: Requests from this process

    package func open(
        _ request: ReplicaRequest,
        for receiver: any ReplicaStreamReceiver,
        on loop: RequestLoop
    ) -> any ReplicaStream {
        let reply = LocalReply(receiver: receiver, mailbox: loop.mailbox)
        let hosted = HostedRequest(self, request, on: loop.eventLoop, reply)
        // The pool's lease says that there is a place, but other processes may have taken it.
        if admit() { loop.start(hosted) } else { reply.send(.refused) }
        return hosted
    }

    /// Runs the call on the caller's task, without encoding arguments or results.
    package func call(_ call: OutgoingCall) async -> CallOutcome {
        tracing.isOn ? await tracedCall(call) : await perform(call)
    }

    /// The same without a span.
    func perform(_ call: OutgoingCall) async -> CallOutcome {
        guard admit() else { return .refused }
        let use = models == nil ? nil : ModelUse(for: ModelUse.current.map { [$0] } ?? [])
        var isStreaming = false
        var arguments = call.arguments
        let begun = metrics?.began(1) ?? 0
        defer { if !isStreaming { ended(arguments, use, begun) } }
        let handler = ResultHandler()
        do {
            if arguments.hasReferences { arguments = try await arguments.fetched() }
            let passed = arguments
            try await named {
                if let use {
                    try await ModelUse.$current.withValue(use) {
                        try await actor.call(call.target, InvocationDecoder(passed), handler)
                    }
                } else {
                    try await actor.call(call.target, InvocationDecoder(passed), handler)
                }
            }
            let result = try handler.result()
            if case .stream(let result) = result {
                isStreaming = true
                ModelUse.$current.withValue(use) { result.stream.begin(on: taskExecutor) }
                result.stream.open.whenOver { [arguments] _ in self.ended(arguments, use, begun) }
            }
            return .result(result)
        } catch {
            metrics?.failed(error, isCancelled: error is CancellationError && Task.isCancelled)
            return .failed(error)
        }
    }

    private func ended(_ arguments: Arguments, _ use: ModelUse?, _ begun: UInt64) {
        metrics?.ended(begun)
        arguments.endLoans()
        use?.end()
        finish()?()
    }

    /// Does work whose logs and calls name this replica.
    private func named<Result>(_ work: () async throws -> Result) async rethrows -> Result {
        guard let working else { return try await work() }
        return try await WorkingReplica.$current.withValue(working, operation: work)
    }

    // MARK: Starting

    /// Starts requests that arrived together, with one hop to each actor for all of its requests.
    ///
    /// - Parameter burst: holds the answers back while the requests begin.
    package static func start(_ requests: [HostedRequest], holding burst: some Burst, on loop: LoopExecutor) {
        guard let first = requests.first else { return }
        // Nearly always there is one replica.
        if requests.allSatisfy({ $0.replica === first.replica }) { return first.replica.start(requests, burst, loop) }
        var rest = requests[...]
        while let first = rest.first {
            let part = rest.prefix { $0.replica === first.replica }
            rest = rest.dropFirst(part.count)
            first.replica.start(Array(part), burst, loop)
        }
    }

    private func start(_ requests: [HostedRequest], _ burst: some Burst, _ loop: LoopExecutor) {
        if let begun = metrics?.began(requests.count) { for request in requests { request.began(at: begun) } }
        switch execution {
        case .pool(let executor):
            // Unstructured: a request lives as long as its caller wants. The task that starts several ends once they
            // have begun.
            if requests.count == 1, let request = requests.first {
                request.started(
                    Task(executorPreference: executor) { await self.named { await self.actor.run(request) } }
                )
            } else {
                Task(executorPreference: executor) {
                    await self.named { await self.actor.start(requests, burst, executor, nil) }
                }
            }
        case .eventLoop: begin(requests, burst, on: loop)
        case .learned:
            // On the loop, measure around the call: the actor may have other work, which the loop's thread then does.
            switch inlinePolicy.withLock({ $0.place }) {
            case .pool:
                // Unstructured: ends as soon as the requests have begun.
                Task { await self.actor.start(requests, burst, nil) { self.note(requests.count, $0) } }
            case .watchedLoop:
                let before = ThreadUsage.now()
                begin(requests, burst, on: loop)
                note(requests.count, .since(before))
            case .loop:
                let before = NIODeadline.now()
                begin(requests, burst, on: loop)
                note(requests.count, .time((NIODeadline.now() - before).nanoseconds))
            }
        }
    }

    private func begin(_ requests: [HostedRequest], _ burst: some Burst, on loop: LoopExecutor) {
        // After their first wait, the requests' own tasks continue on the Swift pool. Without the frames of `named`, the
        // task's fit in one block of the heap.
        if working == nil {
            loop.begin { await self.actor.start(requests, burst, nil, nil) }
        } else {
            loop.begin { await self.named { await self.actor.start(requests, burst, nil, nil) } }
        }
    }

    private func note(_ count: Int, _ used: ThreadUsage) {
        note(count, .all(processor: used.processor, elapsed: used.elapsed, waited: used.waits > 0))
    }
    private func note(_ count: Int, _ usage: InlinePolicy.Usage) {
        inlinePolicy.withLock { $0.began(count, usage) }
    }

    // MARK: Health and configuration

    /// Checks the replica's health and reports what it finds: once that the executor runs work, and each result of the
    /// user's check that is news.
    package func probe(_ report: @escaping @Sendable (ReplicaHealth.Report) -> Void) {
        WorkingReplica.$current.withValue(working) { health.probe(actor, on: taskExecutor, report) }
    }

    /// Runs the user's check before the replica takes requests.
    package func checkHealth() async throws { try await actor.checkHealth {} }

    /// Takes over what of this spec a running replica can. If it throws, nothing but the actor's state may have changed.
    package func reconfigure(_ spec: DeploymentSpec) async throws {
        let isNew = settings.withLock { $0.userConfig != spec.userConfig }
        if isNew, let config = spec.userConfig { try await actor.reconfigure(config) }
        limit.store(spec.options.maxOngoingRequests, ordering: .relaxed)
        settings.withLock { settings in
            settings.compression = spec.options.compression
            settings.requestDecoding = spec.options.requestDecoding
            settings.userConfig = spec.userConfig
        }
    }

    /// Begins ``reconfigure(_:)`` where requests run, and reports the error that it threw or `nil`.
    package func reconfigure(_ spec: DeploymentSpec, _ done: @escaping @Sendable ((any Error)?) -> Void) {
        // Unstructured: takes as long as the user's code does.
        Task(executorPreference: taskExecutor) {
            do {
                try await self.named { try await self.reconfigure(spec) }
                done(nil)
            } catch {
                // A second attempt with the same configuration must call the user's code again.
                self.settings.withLock { $0.userConfig = nil }
                done(error)
            }
        }
    }

    package var taskExecutor: (any TaskExecutor)? {
        if case .pool(let executor) = execution { executor } else { nil }
    }

    // MARK: Admission

    /// Claims one of the replica's places for a request. `false` means that the replica is full or
    /// draining, and the request must not start.
    package func admit() -> Bool {
        var count = ongoingCount.load(ordering: .relaxed)
        let limit = limit.load(ordering: .relaxed)
        while count < limit {
            let (isExchanged, original) = ongoingCount.weakCompareExchange(
                expected: count,
                desired: count + 1,
                ordering: .acquiringAndReleasing
            )
            if isExchanged { return true }
            count = original
        }
        return false
    }

    /// Gives a place back.
    ///
    /// - Returns: after the last request of a draining replica, a closure to call once the answer is sent. The process
    ///   may exit when it is called.
    package func finish() -> (@Sendable () -> Void)? {
        let left = ongoingCount.subtract(1, ordering: .acquiringAndReleasing).newValue
        precondition(left & (Self.drainingBit - 1) < Self.drainingBit / 2, "a place was given back twice")
        batches?.requestEnded()
        return left == Self.drainingBit ? whenDrained.withLock { $0.take() } : nil
    }

    /// Stops admitting requests. Calls `whenDrained` once, when the ongoing ones have ended.
    package func drain(_ whenDrained: @escaping @Sendable () -> Void) {
        let isFirst = self.whenDrained.withLock { callback in
            if ongoingCount.load(ordering: .acquiring) & Self.drainingBit != 0 { return false }
            callback = whenDrained
            _ = ongoingCount.bitwiseOr(Self.drainingBit, ordering: .acquiringAndReleasing)
            return true
        }
        guard isFirst else { return }
        batches?.drain()
        guard ongoing == 0 else { return }
        self.whenDrained.withLock { $0.take() }?()
    }

    package var maxOngoingRequests: Int { limit.load(ordering: .relaxed) }
    package var ongoing: Int { ongoingCount.load(ordering: .acquiring) & (Self.drainingBit - 1) }
}
