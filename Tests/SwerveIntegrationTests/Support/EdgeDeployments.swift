import Swerve

// A composition of three deployments: the first calls both others, the second calls the third.

@Deployment
distributed actor EdgeFirst: HTTPIngress {
    private let second: EdgeSecond
    private let third: EdgeThird

    init(second: EdgeSecond, third: EdgeThird) {
        self.second = second
        self.third = third
    }

    /// Calls each of the others once.
    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text("\(try await second.twice(1) + third.work(1))")
    }
}

@Deployment
distributed actor EdgeSecond {
    private let third: EdgeThird

    init(third: EdgeThird) async throws {
        self.third = third
        _ = try await third.work(0)
    }

    distributed func twice(_ value: Int) async throws -> Int { try await third.work(value) + third.work(value) }

    /// Makes a call that fails.
    distributed func failing() async -> Int { (try? await third.work(-1)) ?? 0 }

    /// Makes a call for each value.
    @Batched(maxBatchSize: 4, waitTimeout: .zero)
    func batched(batch values: [Int]) async throws -> [Int] {
        var results: [Int] = []
        for value in values { results.append(try await third.work(value)) }
        return results
    }

    /// Passes on a stream of the third.
    distributed func passing(_ count: Int, thenFails: Bool) async throws -> ResponseStream<Int> {
        try await third.counting(count, thenFails: thenFails)
    }

    /// Makes a call for each element.
    distributed func each(to end: Int) -> ResponseStream<Int> {
        let third = third
        return ResponseStream { writer in
            for value in 0..<end { try await writer.write(try await third.work(value)) }
        }
    }
}

@Deployment
distributed actor EdgeThird {
    init() {}

    distributed func work(_ value: Int) throws -> Int {
        if value < 0 { throw Refused(reason: "negative", code: value) }
        return value
    }

    /// Breaks off after its elements if it is to fail, and otherwise has no end.
    distributed func counting(_ count: Int, thenFails: Bool) -> ResponseStream<Int> {
        ResponseStream { writer in
            for value in 0..<count { try await writer.write(value) }
            if thenFails { throw Refused(reason: "broken off", code: count) }
            while true { try await writer.write(0) }
        }
    }
}
