import SwerveMacros
import Testing

/// A model that is not Sendable.
final class CountedModel {
    var id: String

    init(_ id: String) {
        self.id = id
    }
}

struct NoSuchModel: Error, Equatable {
    var id: String
}

/// Loads models when it is told to.
@Deployment
distributed actor ModelForms {
    private var loads: [String] = []
    private var gate: [CheckedContinuation<Void, Never>] = []
    private var isOpen = true

    init() {}

    /// Loads.
    @Multiplexed(maxModelsPerReplica: 2, size: { (model: CountedModel) in model.id.count })
    func model(load id: String) async throws -> CountedModel {
        loads.append(id)
        if !isOpen { await withCheckedContinuation { gate.append($0) } }
        if id == "none" { throw NoSuchModel(id: id) }
        return CountedModel(id)
    }

    distributed func current() async throws -> String { try await model().id }
    distributed func named(_ id: String) async throws -> String { try await model(id).id }

    func close() { isOpen = false }
    func open() {
        isOpen = true
        for waiter in gate { waiter.resume() }
        gate = []
    }
    func allLoads() -> [String] { loads }
    func models() -> [String] { modelCache.models.map(\.id) }
    func counters() -> ModelCounters { modelCache.counters }
    func allow(_ count: Int) throws { try modelCache.change { $0.maxModelsPerReplica = count } }
}

/// The other spellings of a loader.
@Deployment
distributed actor PlainLoader {
    init() {}
    @Multiplexed
    func model(load id: String) -> String { "model \(id)" }
    distributed func current() async throws -> String { try await model() }
}

@Deployment
distributed actor ConcurrentLoader {
    init() {}
    @Multiplexed(maxModelsPerReplica: 1)
    @concurrent nonisolated private func model(load id: String) async throws -> String { "model \(id)" }
    distributed func current() async throws -> String { try await model() }
}

@Suite struct MultiplexedUsageTests {
    private func with<Result: Sendable>(
        _ id: String,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        var context = ServeContext(requestID: "")
        context.modelID = id
        return try await ServeContext.$current.withValue(context) { try await body() }
    }

    @Test("The request's model is loaded once and kept")
    func current() async throws {
        let actor = ModelForms()
        for _ in 0..<3 { #expect(try await with("a") { try await actor.current() } == "a") }
        #expect(try await actor.named("b") == "b")
        #expect(await actor.whenLocal { $0.allLoads() } == ["a", "b"])
        #expect(await actor.whenLocal { $0.models() } == ["a", "b"])
        #expect(await actor.whenLocal { $0.counters() }?.hits == 2)
        #expect(try await with("x") { try await PlainLoader().current() } == "model x")
        #expect(try await with("x") { try await ConcurrentLoader().current() } == "model x")
    }

    @Test("Twenty calls that wait for one model load it once")
    func oneLoad() async throws {
        let actor = ModelForms()
        await actor.whenLocal { $0.close() }
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await actor.named("a") } }
            while await actor.whenLocal({ $0.counters() })?.misses != 20 { await Task.yield() }
            await actor.whenLocal { $0.open() }
            for try await id in group { #expect(id == "a") }
        }
        #expect(await actor.whenLocal { $0.allLoads() } == ["a"])
    }

    @Test("Another model makes room")
    func eviction() async throws {
        let actor = ModelForms()
        for id in ["a", "b", "c"] { #expect(try await actor.named(id) == id) }
        // Which one goes depends on how long they took.
        #expect(await actor.whenLocal { $0.models() }?.count == 2)
        #expect(await actor.whenLocal { $0.models() }?.contains("c") == true)
        try await actor.whenLocal { try $0.allow(1) }
        #expect(try await actor.named("d") == "d")
        #expect(await actor.whenLocal { $0.models() } == ["d"])
        #expect(await actor.whenLocal { $0.counters() }?.evictions == 3)
        await #expect(throws: ServeError.self) { try await actor.whenLocal { try $0.allow(0) } }
    }

    @Test("A loader's error reaches the call, and the next one tries again")
    func failure() async throws {
        let actor = ModelForms()
        for _ in 0..<2 {
            await #expect(throws: NoSuchModel(id: "none")) { try await actor.named("none") }
        }
        #expect(await actor.whenLocal { $0.allLoads() } == ["none", "none"])
        #expect(await actor.whenLocal { $0.counters() }?.failedLoads == 2)
    }

    @Test("A call that is cancelled waits no longer")
    func cancellation() async throws {
        let actor = ModelForms()
        await actor.whenLocal { $0.close() }
        let call = Task { try await actor.named("a") }
        while await actor.whenLocal({ $0.allLoads() })?.isEmpty ?? true { await Task.yield() }
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        await actor.whenLocal { $0.open() }
        #expect(try await actor.named("a") == "a")
    }

    @Test("Without a model ID the call fails with a code of its own")
    func missing() async throws {
        let error = await #expect(throws: ServeError.self) { try await ModelForms().current() }
        #expect(error?.code == .missingModelID)
    }
}
