import Swerve

/// Compares the ways in which a replica is chosen: calls within the process to one of four replicas, by the deployment's
/// policies. All calls have the same context, with a session and a model, so that only the choice differs.
struct RoutedCalls {
    let duration: Duration
    let repetitions: Int
    private let clock = ContinuousClock()

    /// Runs off the main actor, whose executor would be part of every call.
    @concurrent func run() async throws {
        var variants: [(name: String, call: @Sendable () async throws -> Void)] = []
        func add(_ name: String, _ routing: DeploymentOptions.Routing, _ admission: DeploymentOptions.Admission)
            async throws
        {
            let bound = Counter.options(
                numReplicas: 4,
                placement: .inProcess,
                routing: routing,
                admission: admission
            ).bind()
            let counter = try await Serve.run(bound, name: name, routePrefix: nil)
            variants.append((name, { _ = try await counter.add(1) }))
        }
        try await add("default", .powerOfTwoChoices, .meetingDeadlines)
        try await add("leastLoaded", .leastLoaded, .meetingDeadlines)
        try await add("consistentHash", .consistentHash, .meetingDeadlines)
        try await add("ownRouting", .type(FirstWithRoom.self), .meetingDeadlines)
        try await add("ownAdmission", .powerOfTwoChoices, .type(Open.self))
        let models = try await Serve.run(
            ModelCounter.options(numReplicas: 4, placement: .inProcess).bind(),
            name: "models",
            routePrefix: nil
        )
        variants.append(("models", { _ = try await models.add(1) }))

        var context = ServeContext(requestID: "r")
        context.sessionKey = "session"
        context.modelID = "model"
        try await ServeContext.$current.withValue(context) {
            _ = try await models.load()
            var times: [String: [Double]] = [:]
            for _ in 0..<repetitions {
                for variant in variants { times[variant.name, default: []].append(try await measure(variant.call)) }
            }
            let base = times["default"]!.sorted()[repetitions / 2]
            for variant in variants {
                let time = times[variant.name]!.sorted()[repetitions / 2]
                print(#"{"name": "\#(variant.name)", "unit": "ns", "value": \#(time), "ratio": \#(time / base)}"#)
            }
        }
        await Serve.shutdown()
    }

    /// The nanoseconds of a call.
    private func measure(_ call: () async throws -> Void) async throws -> Double {
        let start = clock.now
        var calls = 0
        while clock.now - start < duration {
            for _ in 0..<1000 { try await call() }
            calls += 1000
        }
        return (clock.now - start).inSeconds * 1e9 / Double(calls)
    }
}

/// The cheapest policy of a program's own.
struct FirstWithRoom: RoutingPolicy {
    mutating func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        replicas.firstIndex(where: \.hasRoom)
    }
}

/// The cheapest policy of a program's own.
struct Open: AdmissionPolicy {
    mutating func decide(_ context: AdmissionContext) -> AdmissionDecision { .admit }
}

/// A ``Counter`` with models.
@Deployment
distributed actor ModelCounter {
    private var count = 0

    @Multiplexed(maxModelsPerReplica: 3)
    func model(load id: String) async throws -> Int { 1 }

    distributed func load() async throws -> Int { try await model() }
    distributed func add(_ value: Int) -> Int {
        count &+= value
        return count
    }
}
