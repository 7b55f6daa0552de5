internal import CSwerveSystem
internal import Distributed
internal import NIOCore
package import SwerveCore
internal import SwerveRouting
internal import Synchronization

/// A replica that this process hosts: its actor, and how its methods are called.
package final class HostedReplica: Sendable {
    package let id: ReplicaID
    private let actor: AnyHostedActor
    private let limit: Int
    private let admission = Mutex(AdmissionState())
    private let inlinePolicy = Mutex(InlinePolicy())

    private struct AdmissionState {
        var ongoing = 0
        var whenDrained: (@Sendable () -> Void)?
        var isDraining = false
    }

    package init<D: Deployment>(id: ReplicaID, actor: D, limit: Int) {
        self.id = id
        self.actor = (actor as? any HTTPIngress).map { Self.host($0) } ?? HostedActor(actor)
        self.limit = limit
    }

    /// Decodes the initialiser's arguments and makes the actor.
    package static func make(_ id: ReplicaID, _ spec: DeploymentSpec) async throws -> HostedReplica {
        guard let type = _typeByName(spec.typeName) as? any Deployment.Type else {
            throw ServeError(
                .startFailed,
                "no deployment type is named '\(spec.typeName)' in this executable; it must not be private, nor declared "
                    + "in a function, and replicas must be built from the same sources",
                deployment: spec.id
            )
        }
        return try await make(type, id, spec)
    }

    private static func make<D: Deployment>(_ type: D.Type, _ id: ReplicaID, _ spec: DeploymentSpec) async throws
        -> HostedReplica
    {
        let reader = BinaryReader(.init(bytes: spec.arguments), system: .current)
        let arguments = try reader.nextRegion(D.InitArguments.self)
        let actor = try await ServeSystem.$identityBeingMade.withValue(id) {
            try await ReplicaContext.$current.withValue(ReplicaContext(replica: id, options: spec.options)) {
                try await D._make(arguments, actorSystem: .current)
            }
        }
        return HostedReplica(id: id, actor: actor, limit: spec.options.maxOngoingRequests)
    }

    private static func host<I: HTTPIngress>(_ ingress: I) -> AnyHostedActor { HostedIngress(ingress) }

    // MARK: Requests

    /// A call from this process: values in, values out.
    @inline(__always)
    func execute(_ target: String, _ arguments: Arguments, _ handler: ResultHandler) async throws {
        beginLocal()
        defer { finish()?() }
        if arguments.hasKept {
            try await actor.execute(target, arguments.fetched(), handler)
        } else {
            try await actor.execute(target, arguments, handler)
        }
    }

    /// Starts requests that arrived together, with one hop to the actor for all of them: on the thread of the event loop
    /// while the replica's requests are short, else on the Swift pool.
    package func start(_ batch: some ReplicaBatch, from executor: LoopExecutor) {
        let count = batch.work.count
        if inlinePolicy.withLock({ $0.allowsInline }) {
            // Measured from outside: the actor may have other work on its hands, which the loop then does.
            let before = swerve_thread_usage_now()
            executor.begin { await self.actor.start(batch) { _ in } }
            note(count, swerve_thread_usage_between(before, swerve_thread_usage_now()))
        } else {
            // Unstructured: it ends as soon as the requests have begun.
            Task { await actor.start(batch) { self.note(count, $0) } }
        }
    }

    private func note(_ count: Int, _ used: swerve_thread_usage) {
        inlinePolicy.withLock {
            $0.began(count: count, processor: used.processor, elapsed: used.elapsed, waited: used.waits > 0)
        }
    }

    /// Calls back from the actor: one that is stuck in a method does not answer.
    package func probe(_ answered: @escaping @Sendable () -> Void) {
        // Unstructured: it ends with the answer, or never when the actor is stuck.
        Task {
            await actor.reach()
            answered()
        }
    }

    // MARK: Admission of requests from other processes

    /// Claims one of the replica's places; `false` means that it is full or is going away, and the request must not
    /// start.
    package func admit() -> Bool {
        admission.withLock { state in
            guard !state.isDraining, state.ongoing < limit else { return false }
            state.ongoing += 1
            return true
        }
    }

    /// A request of this process begins; its route holds the limit already.
    package func beginLocal() {
        admission.withLock { $0.ongoing += 1 }
    }

    /// Gives a place back.
    ///
    /// - Returns: after the last request of a replica that drains, what the caller is to call once it has sent the
    ///   answer; the process may end when it is called.
    package func finish() -> (@Sendable () -> Void)? {
        admission.withLock { state in
            state.ongoing -= 1
            guard state.isDraining, state.ongoing == 0 else { return nil }
            defer { state.whenDrained = nil }
            return state.whenDrained
        }
    }

    /// No more requests; `whenDrained` is called once, when the ongoing ones are over.
    package func drain(_ whenDrained: @escaping @Sendable () -> Void) {
        let isEmpty = admission.withLock { state in
            guard !state.isDraining else { return false }
            state.isDraining = true
            if state.ongoing > 0 { state.whenDrained = whenDrained }
            return state.ongoing == 0
        }
        if isEmpty { whenDrained() }
    }

    package var ongoing: Int { admission.withLock { $0.ongoing } }
}
