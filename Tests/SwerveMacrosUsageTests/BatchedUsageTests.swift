import SwerveMacros
import Testing

struct Negative: Error, Equatable {
    var value: Int
}

/// Every form of a batched method.
@Deployment(numReplicas: 2)
distributed actor BatchedForms {
    private var sizes: [Int] = []

    init() {}

    /// Doubles.
    @Batched(maxBatchSize: 4, waitTimeout: .zero)
    func double(batch values: [Int]) async throws -> [Int] {
        sizes.append(values.count)
        return values.map { $0 * 2 }
    }

    @Batched(waitTimeout: .zero, allowedSizes: [3, 6])
    func padded(batch values: Array<Int>) -> [Int] {
        sizes.append(values.count)
        return values.map { $0 + 1 }
    }

    @Batched(waitTimeout: .zero)
    func root(batch values: [Double], scale: Int = 1) async -> [Result<Double, any Error>] {
        values.map { $0 < 0 ? .failure(Negative(value: Int($0))) : .success($0.squareRoot() * Double(scale)) }
    }

    @Batched(maxBatchSize: 64, waitTimeout: .zero, maxTotalSize: 10, size: { (text: String) in text.utf8.count })
    func count(_ unit: Character.Kind, batch texts: [String]) throws -> [Int] { texts.map(\.count) }

    @Batched(waitTimeout: .zero)
    func short(batch item: [Int]) -> [Int] { Array(item.dropLast()) }

    @Batched(maxTotalSize: 100, size: \String.utf8.count)
    func keyed(batch texts: [String]) -> [String] { texts }

    @Batched(.adaptive(latencyTarget: .milliseconds(50)))
    func adaptive(batch texts: [String]) -> [String] { texts }

    func reconfigure(wait: Duration) throws {
        try doubleBatching.change { $0.waitTimeout = wait }
    }
    distributed func taken() -> [Int] { sizes }
    distributed func doubled(_ value: Int) async throws -> Int { try await double(value) }
    func counters() -> BatchCounters { doubleBatching.counters }
    func options() -> BatchOptions { doubleBatching.options }
}

extension Character {
    enum Kind: Codable, Sendable { case letters }
}

/// Says how many requests it takes.
@Deployment(maxOngoingRequests: 7)
distributed actor BatchedWithLimit {
    @Batched(maxBatchSize: 7)
    func same(batch values: [Int]) -> [Int] { values }
}

/// One with a type parameter.
@Deployment
distributed actor BatchedGeneric<Value: Codable & Sendable & Hashable> {
    let value: Value
    @Batched(waitTimeout: .zero)
    func pair(batch values: [Value]) -> [[Value]] { values.map { [$0, value] } }
}

@Suite struct BatchedUsageTests {
    @Test func aCallWithOneItemGetsItsOwnResult() async throws {
        let actor = BatchedForms()
        #expect(try await actor.double(3) == 6)
        #expect(try await actor.doubled(4) == 8)
        #expect(try await actor.padded(1) == 2)
        #expect(try await actor.taken() == [1, 1, 3])
        #expect(try await actor.root(9) == 3)
        #expect(try await actor.root(9, scale: 2) == 6)
        #expect(try await actor.count(.letters, "abc") == 3)
        #expect(try await actor.keyed("abc") == "abc")
        #expect(try await actor.adaptive("abc") == "abc")
        #expect(try await BatchedGeneric<Int>._make(.init0(value: 2), actorSystem: .ofNewActor).pair(1) == [1, 2])
    }

    @Test func oneItemMayFail() async throws {
        await #expect(throws: Negative(value: -4)) { try await BatchedForms().root(-4) }
    }

    @Test func aWrongNumberOfResultsIsAnErrorOfItsOwn() async throws {
        let error = await #expect(throws: ServeError.self) { try await BatchedForms().short(1) }
        #expect(error?.code == .wrongResultCount)
        #expect(
            error?.message
                == "short(batch:) returned 0 results for 1 items; it must return one for each, in the same order"
        )
    }

    @Test func anItemThatIsTooLargeForAnyBatchFails() async throws {
        let error = await #expect(throws: ServeError.self) {
            try await BatchedForms().count(.letters, "12345678901")
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.message == "the item's size is 11, and a batch of count(_:batch:) takes at most 10")
    }

    @Test func theOptionsChangeWhileTheReplicaRuns() async throws {
        let actor = BatchedForms()
        #expect(await actor.whenLocal { $0.options() } == BatchOptions(maxBatchSize: 4, waitTimeout: .zero))
        try await actor.whenLocal { try $0.reconfigure(wait: .milliseconds(1)) }
        #expect(await actor.whenLocal { $0.options() }?.waitTimeout == .milliseconds(1))
        #expect(try await actor.double(1) == 2)
        #expect(await actor.whenLocal { $0.counters() }?.waited == 1)
        await #expect(throws: ServeError.self) { try await actor.whenLocal { try $0.reconfigure(wait: .seconds(-1)) } }
    }

    @Test func thereIsRoomForTheBatches() {
        let room = 4 + 6 + 32 + 64 + 32 + 32 + 128
        #expect(BatchedForms._deploymentOptions.maxOngoingRequests == 2 * room)
        #expect(BatchedForms._deploymentOptions.numReplicas == 2)
        #expect(BatchedWithLimit._deploymentOptions.maxOngoingRequests == 7)
        #expect(BatchedWithLimit._batchedMethods == [BatchedMethod("same(batch:)", BatchOptions(maxBatchSize: 7))])
    }

    @Test func theGeneratedMethodsCanBeNodes() {
        let input = InputNode<Int>()
        let node: GraphNode<Int, Int> = BatchedForms.bind().nodes.double(input)
        _ = node
    }
}
