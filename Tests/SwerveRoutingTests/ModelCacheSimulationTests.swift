import SwerveCore
import SwerveRouting
import Testing

/// A cache under random events, beside what must hold in any order of them.
private struct ModelCacheSimulation {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }
    private struct Call {
        let model: String
        let user: UInt64
        let others: [UInt64]
    }

    private var random: SplitMix64
    private var cache: ModelCache
    private var maxModels: Int
    private var now = MonotonicTime.zero
    private var steps = 0
    private var nextCall: UInt64 = 0
    private var nextUser: UInt64 = 0
    private var users: Set<UInt64> = []
    private var calls: [UInt64: Call] = [:]
    private var loads: [UInt64: String] = [:]
    private var loaded: Set<String> = []
    private var unloading: Set<String> = []
    /// What each user was given and may still be using.
    private var holds: [UInt64: Set<String>] = [:]
    private(set) var granted = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        maxModels = 1 + random.next(below: 4)
        cache = ModelCache(maxModels: maxModels)
    }

    mutating func run(events: Int) throws {
        for _ in 0..<events {
            try step()
            steps += 1
        }
        // Everything that was begun ends; then nobody may wait.
        while !loads.isEmpty || !unloading.isEmpty || !users.isEmpty {
            if let load = loads.keys.min() {
                try end(load, well: random.next(below: 4) > 0)
            } else if let model = unloading.min() {
                try unloaded(model)
            } else if let user = users.filter({ user in !calls.values.contains { $0.user == user } }).min() {
                try end(user)
            } else {
                throw Wrong(description: "all users wait, and nothing is under way")
            }
        }
        try expect(calls.isEmpty && cache.waitingCount == 0, "calls are left: \(calls.keys.sorted())")
        let counters = cache.counters
        try expect(counters.misses + counters.hits == Int(nextCall), "calls are counted wrongly")
    }

    private mutating func step() throws {
        now = now + .microseconds(random.next(below: 2_000))
        switch random.next(below: 20) {
        case 0..<8: try call()
        case 8..<10:
            if let call = calls.keys.sorted().randomElement(using: &random) {
                calls[call] = nil
                guard let actions = cache.cancel(call, now: now) else { throw Wrong(description: "\(call) had left") }
                try check(actions)
            }
        case 10..<13:
            if let load = loads.keys.sorted().randomElement(using: &random) {
                try end(load, well: random.next(below: 5) > 0)
            }
        case 13..<15: if let model = unloading.sorted().randomElement(using: &random) { try unloaded(model) }
        case 15..<19: if let user = users.sorted().randomElement(using: &random) { try end(user) }
        default:
            maxModels = 1 + random.next(below: 4)
            try check(cache.change(maxModels: maxModels, now: now))
        }
    }

    private mutating func call() throws {
        // Usually a new request; sometimes another model for a present one, or work for one.
        var user = nextUser
        var others: [UInt64] = []
        switch random.next(below: 6) {
        case 0: user = users.sorted().randomElement(using: &random) ?? user
        case 1: others = users.sorted().randomElement(using: &random).map { [$0] } ?? []
        default: break
        }
        nextUser = max(nextUser, user + 1)
        users.insert(user)
        let model = "m\(random.next(below: 7))"
        let call = nextCall
        nextCall += 1
        if cache.use(model, by: user, for: others) {
            try expect(loaded.contains(model), "\(model) was given out, but is not loaded")
            holds[user, default: []].insert(model)
            granted += 1
            return
        }
        calls[call] = Call(model: model, user: user, others: others)
        try check(cache.wait(call, for: model, by: user, for: others, now: now))
    }

    private mutating func end(_ load: UInt64, well: Bool) throws {
        let model = loads.removeValue(forKey: load)!
        if well { loaded.insert(model) }
        try check(well ? cache.loaded(load, size: 1 + random.next(below: 9), now: now) : cache.failed(load, now: now))
    }

    private mutating func end(_ user: UInt64) throws {
        // Each cancellation may give its user the model that another call waits for.
        while let call = calls.filter({ $0.value.user == user }).keys.min() {
            calls[call] = nil
            guard let actions = cache.cancel(call, now: now) else { throw Wrong(description: "\(call) had left") }
            try check(actions)
        }
        users.remove(user)
        holds[user] = nil
        try check(cache.end(user, now: now))
    }

    private mutating func unloaded(_ model: String) throws {
        unloading.remove(model)
        try check(cache.unloaded(model, now: now))
    }

    private mutating func check(_ actions: ModelCache.Actions) throws {
        var last: [String: UInt64] = [:]
        for id in actions.granted {
            guard let call = calls.removeValue(forKey: id) else { throw Wrong(description: "\(id) left twice") }
            try expect(loaded.contains(call.model), "\(call.model) was given out, but is not loaded")
            try expect(last[call.model].map { $0 < id } ?? true, "calls for \(call.model) left out of order")
            last[call.model] = id
            holds[call.user, default: []].insert(call.model)
            granted += 1
        }
        for id in actions.failed {
            try expect(calls.removeValue(forKey: id) != nil, "\(id) left twice")
        }
        for load in actions.cancelled { try expect(loads[load] != nil, "a load was cancelled that does not run") }
        for model in actions.unloads {
            try expect(loaded.remove(model) != nil, "\(model) is not loaded")
            // Those that wait, and those for whom somebody waits.
            let waiting = Set(calls.values.flatMap { [$0.user] + $0.others })
            let isHeld = holds.contains { $0.value.contains(model) && !waiting.contains($0.key) }
            try expect(!isHeld, "\(model) was in use")
            for user in holds.keys { holds[user]!.remove(model) }
            unloading.insert(model)
        }
        for load in actions.loads {
            let isPresent = loads.values.contains(load.model) || loaded.contains(load.model)
            try expect(!isPresent && !unloading.contains(load.model), "\(load.model) is there twice")
            try expect(loads.updateValue(load.model, forKey: load.id) == nil, "a load began twice")
            let count = loads.count + loaded.count + unloading.count
            try expect(count <= maxModels, "\(count) of \(maxModels) models")
        }
        let listed = Set(cache.report.models.map(\.id))
        try expect(listed.isSuperset(of: calls.values.map(\.model)), "a model is awaited, but not reported")
        if loads.isEmpty, unloading.isEmpty, holds.allSatisfy({ $0.value.isEmpty }) {
            try expect(calls.isEmpty, "calls wait for nothing")
        }
    }

    private func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Wrong(description: "step \(steps): \(what())") }
    }
}

@Suite struct ModelCacheSimulationTests {
    @Test(
        "In random histories no limit is exceeded, no model loads twice at once, none in use goes, and no call is lost"
    )
    func simulate() throws {
        var granted = 0
        for seed in 0..<300 as Range<UInt64> {
            var simulation = ModelCacheSimulation(seed: seed)
            do {
                try simulation.run(events: 200)
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
            granted += simulation.granted
        }
        #expect(granted > 7_500)
    }
}
