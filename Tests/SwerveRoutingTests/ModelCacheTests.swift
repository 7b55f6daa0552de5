import SwerveCore
import SwerveRouting
import Testing

/// A cache behind a reference, so that expectations can pass events to it.
private final class Cache {
    typealias Actions = ModelCache.Actions
    private(set) var machine: ModelCache

    init(maxModels: Int) {
        machine = ModelCache(maxModels: maxModels)
    }

    func use(_ model: String, by user: UInt64, for users: [UInt64] = []) -> Bool {
        machine.use(model, by: user, for: users)
    }
    @discardableResult
    func wait(_ call: UInt64, for model: String, by user: UInt64, now: MonotonicTime) -> Actions {
        machine.wait(call, for: model, by: user, now: now)
    }
    func cancel(_ call: UInt64, now: MonotonicTime) -> Actions? { machine.cancel(call, now: now) }
    @discardableResult
    func loaded(_ load: UInt64, size: Int = 1, now: MonotonicTime) -> Actions {
        machine.loaded(load, size: size, now: now)
    }
    func failed(_ load: UInt64, now: MonotonicTime) -> Actions { machine.failed(load, now: now) }
    @discardableResult
    func end(_ user: UInt64, now: MonotonicTime) -> Actions { machine.end(user, now: now) }
    @discardableResult
    func unloaded(_ model: String, now: MonotonicTime) -> Actions { machine.unloaded(model, now: now) }
    func change(maxModels: Int, now: MonotonicTime) -> Actions { machine.change(maxModels: maxModels, now: now) }
}

@Suite struct ModelCacheTests {
    private typealias Actions = ModelCache.Actions
    private typealias Load = ModelCache.Load
    private let start = MonotonicTime.zero

    private func at(_ milliseconds: Int) -> MonotonicTime { start + .milliseconds(milliseconds) }

    /// Loads a model for a user that ends at once.
    private func load(_ model: String, call: UInt64, takes: Int = 10, _ cache: Cache) {
        let actions = cache.wait(call, for: model, by: call, now: start)
        for unload in actions.unloads { cache.unloaded(unload, now: start) }
        cache.loaded(call, now: at(takes))
        cache.end(call, now: at(takes))
    }

    private func models(_ cache: Cache) -> [String] { cache.machine.report.models.map(\.id) }

    @Test("One load serves every call that waits for the model")
    func oneLoad() {
        let cache = Cache(maxModels: 2)
        #expect(cache.wait(1, for: "a", by: 11, now: start) == Actions(loads: [Load(id: 0, model: "a")]))
        #expect(cache.wait(2, for: "a", by: 12, now: start) == Actions())
        #expect(cache.wait(3, for: "a", by: 13, now: start) == Actions())
        #expect(cache.machine.report.models == [ModelStatus(id: "a", state: .loading)])
        #expect(cache.loaded(0, now: at(50)) == Actions(granted: [1, 2, 3]))
        #expect(cache.machine.report.models == [ModelStatus(id: "a", state: .loaded, loadTime: .milliseconds(50))])
        #expect(cache.use("a", by: 14))
        #expect(cache.machine.counters.loads == 1)
        #expect(cache.machine.counters.hits == 1)
        #expect(cache.machine.counters.misses == 3)
    }

    @Test("The model that was used longest ago makes room, and the next load waits until it is unloaded")
    func leastRecentlyUsed() {
        let cache = Cache(maxModels: 2)
        load("a", call: 0, cache)
        load("b", call: 1, cache)
        #expect(cache.use("a", by: 9))
        cache.end(9, now: start)
        #expect(cache.wait(2, for: "c", by: 2, now: start) == Actions(unloads: ["b"]))
        #expect(cache.unloaded("b", now: start) == Actions(loads: [Load(id: 2, model: "c")]))
        #expect(models(cache) == ["a", "c"])
    }

    @Test("A model that takes long to load is kept longer, but not for ever")
    func cost() {
        let cache = Cache(maxModels: 2)
        load("slow", call: 0, takes: 1_000, cache)
        load("quick", call: 1, cache)
        load("quick too", call: 2, cache)
        #expect(models(cache) == ["quick too", "slow"])
        for user in 100..<1_000 {
            #expect(cache.use("quick too", by: UInt64(user)))
            cache.end(UInt64(user), now: start)
        }
        load("last", call: 3, cache)
        #expect(models(cache) == ["last", "quick too"])
    }

    @Test("A model that its user says is large makes room before a small one")
    func size() {
        let cache = Cache(maxModels: 2)
        cache.wait(0, for: "small", by: 0, now: start)
        cache.loaded(0, size: 1, now: at(10))
        cache.wait(1, for: "large", by: 1, now: start)
        cache.loaded(1, size: 100, now: at(10))
        for user: UInt64 in 0..<2 { cache.end(user, now: start) }
        #expect(cache.wait(2, for: "new", by: 2, now: start).unloads == ["large"])
    }

    @Test("A model in use stays; it is given to nobody else once it must make room")
    func held() {
        let cache = Cache(maxModels: 1)
        cache.wait(1, for: "a", by: 1, now: start)
        cache.loaded(0, now: start)
        #expect(cache.use("a", by: 2))
        #expect(cache.wait(3, for: "b", by: 3, now: start) == Actions())
        #expect(!cache.use("a", by: 4))
        #expect(cache.use("a", by: 1), "a user that holds the model may go on")
        #expect(cache.use("a", by: 5, for: [2]), "so may one that works for such a user")
        #expect(cache.wait(6, for: "a", by: 6, now: start) == Actions())
        for user: UInt64 in [1, 2] { #expect(cache.end(user, now: start) == Actions()) }
        #expect(cache.end(5, now: start) == Actions(unloads: ["a"]))
        #expect(cache.unloaded("a", now: start) == Actions(loads: [Load(id: 1, model: "b")]))
        #expect(cache.loaded(1, now: start) == Actions(granted: [3]))
        #expect(cache.end(3, now: start) == Actions(unloads: ["b"]))
        #expect(cache.unloaded("b", now: start) == Actions(loads: [Load(id: 2, model: "a")]))
        #expect(cache.loaded(2, now: start) == Actions(granted: [6]))
    }

    @Test("A model need not make room once another one is free, and its calls get it")
    func anotherIsFree() {
        let cache = Cache(maxModels: 2)
        cache.wait(1, for: "a", by: 1, now: start)
        cache.loaded(0, now: start)
        cache.wait(2, for: "b", by: 2, now: start)
        cache.loaded(1, now: at(100))
        #expect(cache.wait(3, for: "c", by: 3, now: start) == Actions())
        #expect(cache.wait(4, for: "a", by: 4, now: start) == Actions())
        #expect(cache.end(2, now: start) == Actions(granted: [4], unloads: ["b"]))
    }

    @Test("Two users that each wait for room for a second model get it")
    func noDeadlock() {
        let cache = Cache(maxModels: 2)
        cache.wait(1, for: "a", by: 1, now: start)
        cache.loaded(0, now: start)
        cache.wait(2, for: "b", by: 2, now: start)
        cache.loaded(1, now: start)
        #expect(cache.wait(3, for: "c", by: 1, now: start) == Actions(unloads: ["a"]))
        #expect(cache.wait(4, for: "d", by: 2, now: start) == Actions(unloads: ["b"]))
    }

    @Test("A failed load fails all its calls, and the next call tries again")
    func failedLoad() {
        let cache = Cache(maxModels: 1)
        cache.wait(1, for: "a", by: 1, now: start)
        cache.wait(2, for: "a", by: 2, now: start)
        cache.wait(3, for: "b", by: 3, now: start)
        #expect(cache.failed(0, now: start) == Actions(failed: [1, 2], loads: [Load(id: 1, model: "b")]))
        #expect(models(cache) == ["b"])
        cache.loaded(1, now: start)
        #expect(cache.wait(4, for: "a", by: 4, now: start) == Actions())
        #expect(cache.end(3, now: start) == Actions(unloads: ["b"]))
        #expect(cache.unloaded("b", now: start) == Actions(loads: [Load(id: 2, model: "a")]))
    }

    @Test("A load that nobody waits for any more is cancelled; a call that comes too late to stop that begins another")
    func cancellation() {
        let cache = Cache(maxModels: 1)
        cache.wait(1, for: "a", by: 1, now: start)
        cache.wait(2, for: "a", by: 2, now: start)
        #expect(cache.cancel(1, now: start) == Actions())
        #expect(cache.cancel(2, now: start) == Actions(cancelled: [0]))
        #expect(cache.cancel(2, now: start) == nil)
        #expect(models(cache) == [])
        #expect(cache.wait(3, for: "a", by: 3, now: start) == Actions())
        #expect(cache.failed(0, now: start) == Actions(loads: [Load(id: 1, model: "a")]))
        #expect(cache.loaded(1, now: start) == Actions(granted: [3]))
    }

    @Test("A model whose room is no longer needed stays")
    func cancelledWaiter() {
        let cache = Cache(maxModels: 1)
        cache.wait(1, for: "a", by: 1, now: start)
        cache.loaded(0, now: start)
        cache.wait(2, for: "b", by: 2, now: start)
        cache.wait(3, for: "a", by: 3, now: start)
        #expect(cache.cancel(2, now: start) == Actions(granted: [3]))
        #expect(cache.end(1, now: start) == Actions())
        #expect(cache.end(3, now: start) == Actions())
        #expect(cache.use("a", by: 4))
    }

    @Test("With fewer models allowed, those that are worth least go")
    func fewer() {
        let cache = Cache(maxModels: 3)
        for (call, model) in ["a", "b", "c"].enumerated() { load(model, call: UInt64(call), cache) }
        #expect(Set(cache.change(maxModels: 1, now: start).unloads) == ["a", "b"])
        #expect(models(cache) == ["c"])
    }
}
