import Swerve

/// Collects calls into batches, which the journal holds until it has their `open` entry.
@Deployment
distributed actor Batches: HTTPIngress, Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var maxBatchSize: Int
    }
    private let journal: Journal

    init(journal: Journal) {
        self.journal = journal
    }

    func reconfigure(_ config: UserConfig) throws {
        try enterBatching.change { $0.maxBatchSize = config.maxBatchSize }
    }

    /// - Returns: for each name, itself and the size of its batch; names that begin with `bad` fail.
    @Batched(maxBatchSize: 3, waitTimeout: .seconds(60))
    func enter(batch names: [String], door: String = "front") async throws -> [Result<String, any Error>] {
        let batch = "\(door) \(names.joined(separator: "+"))"
        do {
            try await journal.note("began \(batch)")
            try await journal.wait(for: "open \(batch.split(separator: "+")[0])")
        } catch is CancellationError {
            // Unstructured: this task's own calls are already cancelled.
            await Task { try? await journal.note("cancelled \(batch)") }.value
            throw CancellationError()
        }
        if names.contains("fail") { throw Refused(reason: "all", code: names.count) }
        let context = ServeContext.current?.requestID ?? ""
        return names.map { name in
            if name.hasPrefix("bad") { return .failure(Refused(reason: name, code: names.count)) }
            return .success("\(name) in \(names.count)\(context)")
        }
    }

    @Batched(waitTimeout: .zero)
    func broken(batch values: [Int]) -> [Int] { values + values }

    distributed func waiting() -> Int { enterBatching.waiting }
    distributed func counters() -> BatchCounters { enterBatching.counters }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let name = try await request.body.text()
        guard name.hasPrefix("hurried") else { return .text(try await enter(name)) }
        return try await ServeContext.withDeadline(in: .milliseconds(50)) { .text(try await enter(name)) }
    }
}
