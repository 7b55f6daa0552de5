import Swerve

/// Serves models that tell the journal when they are loaded. Those whose names begin with `slow` are loaded when the
/// journal has their `open` entry.
@Deployment
distributed actor ModelServer: HTTPIngress {
    private let journal: Journal
    private let replica = ReplicaContext.current?.replica.number ?? 0

    init(journal: Journal) {
        self.journal = journal
    }

    @Multiplexed(maxModelsPerReplica: 2)
    func model(load id: String) async throws -> String {
        try await journal.note("loading \(id) in \(replica)")
        if id.hasPrefix("slow") { try await journal.wait(for: "open \(id)") }
        if id == "none" { throw ServeError(.modelNotFound, "there is no model 'none'") }
        if id == "bad" { throw Refused(reason: "bad", code: 7) }
        return id
    }

    /// - Returns: the request's model and the replica that has it.
    distributed func ask() async throws -> String { "\(try await model()) in \(replica)" }

    /// Uses the request's model until the journal has the `release` entry.
    distributed func use(_ name: String) async throws -> String {
        let model = try await model()
        try await journal.note("\(name) uses \(model) in \(replica)")
        try await journal.wait(for: "release \(name)")
        return "\(model) in \(replica)"
    }

    /// - Returns: for each item, the model that its batch was for, and how many there were.
    @Batched(maxBatchSize: 4, waitTimeout: .milliseconds(50))
    func batched(batch items: [Int]) async throws -> [String] {
        let model = try await model()
        return items.map { "\($0) by \(model)" }
    }

    distributed func counters() -> ModelCounters { modelCache.counters }

    func respond(to request: ServeRequest) async throws -> ServeResponse { .text(try await ask()) }
}
