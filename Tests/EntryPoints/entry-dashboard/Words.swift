import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers with its version and the score of a word. It starts once somebody writes to a named pipe, if it has one.
@Deployment(numReplicas: 2)
distributed actor Front: HTTPIngress {
    private let version: String
    private let ranker: Ranker
    private let catalogue: Catalogue

    init(version: String, pipe: String, ranker: Ranker, catalogue: Catalogue) {
        if !pipe.isEmpty { close(open(pipe, O_RDONLY)) }
        self.version = version
        self.ranker = ranker
        self.catalogue = catalogue
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let word = request.queryValue("word") ?? "swerve"
        let length = try await catalogue.length(of: word)
        let score = try await ranker.score(word)
        return .text("version \(version): \(word) \(length) \(score)")
    }
}

/// Scores words, several at a time.
@Deployment(
    autoscaling: Autoscaling(minReplicas: 1, maxReplicas: 3, targetOngoingRequests: 2),
    resources: Resources(cpus: 0.5)
)
distributed actor Ranker {
    private let catalogue: Catalogue

    init(catalogue: Catalogue) {
        self.catalogue = catalogue
    }

    @Batched(maxBatchSize: 8)
    func score(batch words: [String]) async throws -> [Int] {
        var scores: [Int] = []
        for word in words { scores.append(try await 10 * catalogue.length(of: word)) }
        return scores
    }
}

/// Counts letters.
@Deployment
distributed actor Catalogue {
    init() { print("the catalogue is ready") }

    distributed func length(of word: String) -> Int { word.count }
}

/// Does not start.
@Deployment
distributed actor Broken: HTTPIngress {
    init(text: String) throws { throw Refusal(description: text) }

    func respond(to request: ServeRequest) async throws -> ServeResponse { .text("never") }
}

struct Refusal: Error, CustomStringConvertible {
    let description: String
}

/// Needs what the machine has once.
@Deployment(resources: Resources(custom: ["tape": 1]))
distributed actor Archive: HTTPIngress {
    func respond(to request: ServeRequest) async throws -> ServeResponse { .text("kept") }
}
