import SwerveMetrics
import Synchronization
import Testing

@Suite struct RegistryTests {
    private static func snapshot(_ registry: MetricRegistry) -> MetricSnapshot {
        var reader = MetricReader(registry.memory)
        var snapshot = MetricSnapshot()
        reader.read(into: &snapshot)
        return snapshot
    }

    @Test func `what is counted is read with its name and labels`() {
        let registry = MetricRegistry(.own(), common: [MetricLabel("replica", "a/B#1")])
        let counter = registry.counter("requests", [MetricLabel("route", "/x")])
        counter.add()
        counter.add(4)
        registry.gauge("queue").store(7)
        registry.gauge("share", floating: true).store(0.25.bitPattern)
        let snapshot = Self.snapshot(registry)
        let own = [MetricLabel("replica", "a/B#1")]
        #expect(snapshot["requests", own + [MetricLabel("route", "/x")]] == .number(5))
        #expect(snapshot["queue", own] == .number(7))
        #expect(snapshot["share", own] == .number(0.25))
    }

    @Test func `a gauge may be below zero`() {
        let registry = MetricRegistry(.own())
        registry.gauge("balance").store(UInt64(bitPattern: -3))
        #expect(Self.snapshot(registry)["balance", []] == .number(-3))
    }

    @Test func `the same definition again counts in the same series`() {
        let registry = MetricRegistry(.own())
        registry.counter("requests", [MetricLabel("a", "1"), MetricLabel("b", "2")]).add()
        registry.counter("requests", [MetricLabel("b", "2"), MetricLabel("a", "1")]).add()
        let snapshot = Self.snapshot(registry)
        #expect(snapshot.seriesCount == 1)
        #expect(snapshot.sum(of: "requests") == 2)
    }

    @Test func `copies of a series for several threads are added up`() {
        let registry = MetricRegistry(.own())
        for loop in 0..<3 {
            let histogram = registry.histogram("latency", [], .latency, copy: loop)
            histogram.observeAlone(150_000, now: 0, id: "")
        }
        guard case .histogram(let all) = Self.snapshot(registry)["latency", []] else {
            Issue.record("no histogram")
            return
        }
        #expect(all.count == 3)
        #expect(all.counts[1] == 3)
        #expect(abs(all.sum - 0.45) < 1e-9)
    }

    @Test func `a value on a bound is in the bucket of the bound, as Prometheus counts it`() {
        let registry = MetricRegistry(.own())
        let histogram = registry.histogram("size", [], .batchSize)
        for value: UInt64 in [0, 1, 2, 3, 1024, 1025] { histogram.observe(value) }
        guard case .histogram(let all) = Self.snapshot(registry)["size", []] else {
            Issue.record("no histogram")
            return
        }
        #expect(all.counts == [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1])
        #expect(all.sum == 2055)
    }

    @Test func `a series may be made from the words of others`() {
        let registry = MetricRegistry(.own())
        let words = registry.words(2)
        let histogram = registry.histogram("latency", [], .latency)
        registry.derived(
            .gauge,
            "ongoing",
            [],
            [words.term(0), words.term(1, isNegative: true), histogram.term(in: registry, isNegative: true)]
        )
        words.add(10, at: 0)
        words.add(3, at: 1)
        histogram.observe(1)
        histogram.observe(1_000_000_000_000)
        #expect(Self.snapshot(registry)["ongoing", []] == .number(5))
    }

    @Test func `beyond the limit, counts go to a series for what overflows, and the log is told once`() {
        let told = Mutex<[String]>([])
        let registry = MetricRegistry(.own(), limit: 10) { text in told.withLock { $0.append(text) } }
        for index in 0..<100 { registry.counter("users", [MetricLabel("user", "\(index)")]).add() }
        registry.gauge("late").store(1)
        registry.histogram("slow", [], .latency).observe(1)
        let snapshot = Self.snapshot(registry)
        #expect(snapshot.seriesCount == 12)
        #expect(snapshot["users", [MetricLabel("overflow", "true")]] == .number(90))
        #expect(snapshot.sum(of: "users") == 100)
        #expect(snapshot.sum(of: "slow") == 1)
        #expect(snapshot.families["late"] == nil)
        #expect(MetricReader(registry.memory).refused == 92)
        #expect(told.withLock { $0.count } == 1)
    }

    @Test func `without room in memory, series overflow like those beyond the limit`() {
        let registry = MetricRegistry(.own(words: 64, definitionBytes: 2048))
        for index in 0..<1000 { registry.counter("users", [MetricLabel("user", "\(index)")]).add() }
        let snapshot = Self.snapshot(registry)
        #expect(snapshot.seriesCount < 64)
        #expect(MetricReader(registry.memory).refused > 900)
    }

    @Test func `names and labels of user code become valid, and those of the process stay as they are`() {
        let registry = MetricRegistry(.own(), common: [MetricLabel("replica", "a/B#1")])
        registry.counter(
            "http.2xx \"total\"\n",
            [MetricLabel("replica", "mine"), MetricLabel("__x", "1"), MetricLabel("", "2")]
        ).add()
        let series = Self.snapshot(registry).families["http_2xx__total__"]?.series.keys.first ?? []
        #expect(
            series == [
                MetricLabel("_x", "1"), MetricLabel("exported_replica", "mine"), MetricLabel("label", "2"),
                MetricLabel("replica", "a/B#1"),
            ]
        )
    }

    @Test func `labels whose names become the same stay apart`() {
        let registry = MetricRegistry(.own())
        registry.counter("c", [MetricLabel("a-b", "1"), MetricLabel("a.b", "2"), MetricLabel("le", "3")]).add()
        let series = Self.snapshot(registry).families["c"]?.series.keys.first ?? []
        #expect(series == [MetricLabel("a_b", "1"), MetricLabel("a_b_", "2"), MetricLabel("exported_le", "3")])
    }

    @Test func `a name has one kind`() {
        let registry = MetricRegistry(.own())
        registry.counter("size_total").add()
        registry.gauge("size").store(5)
        let snapshot = Self.snapshot(registry)
        #expect(snapshot["size", []] == .number(1))
        #expect(snapshot["size_gauge", []] == .number(5))
    }

    @Test func `histograms with other buckets have names of their own, and none counts in another's words`() {
        let registry = MetricRegistry(.own())
        let short = registry.histogram("size", [], MetricBounds([1]))
        let other = registry.counter("other")
        let long = registry.histogram("size", [], .batchSize, floating: true)
        short.observe(1)
        long.observe(floating: 2000)
        #expect(other.value == 0)
        let snapshot = Self.snapshot(registry)
        #expect(
            snapshot["size", []] == .histogram(MetricDistribution(bounds: [1], counts: [1, 0], sum: 1)),
            "the first keeps the name"
        )
        #expect(snapshot.sum(of: "size_histogram") == 1)
    }

    @Test func `whole and fractional counts of one name are added up`() {
        let registry = MetricRegistry(.own())
        registry.counter("c").add(2)
        registry.counter("c", floating: true).add(floating: 0.5)
        #expect(Self.snapshot(registry)["c", []] == .number(2.5))
    }

    @Test func `threads lose nothing`() async {
        let registry = MetricRegistry(.own())
        let histogram = registry.histogram("latency", [], .latency)
        let sum = registry.counter("seconds", floating: true)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 {
                        histogram.observe(1000)
                        sum.add(floating: 0.5)
                    }
                }
            }
        }
        #expect(Self.snapshot(registry).sum(of: "latency") == 80_000)
        #expect(Self.snapshot(registry).sum(of: "seconds") == 40_000)
    }

    @Test func `a reader sees series that were defined after it began`() {
        let registry = MetricRegistry(.own())
        var reader = MetricReader(registry.memory)
        var first = MetricSnapshot()
        reader.read(into: &first)
        registry.counter("late").add(2)
        var second = MetricSnapshot()
        reader.read(into: &second)
        #expect(first.seriesCount == 0)
        #expect(second.sum(of: "late") == 2)
    }

    @Test func `damaged definitions are not read, and no word outside the memory is`() {
        var random = SplitMix(seed: 7)
        for _ in 0..<2000 {
            let registry = MetricRegistry(.own(words: 256, definitionBytes: 1024))
            registry.counter("a", [MetricLabel("x", "1")]).add()
            _ = registry.histogram("b", [], .batchSize, exemplars: true)
            let offset = Int(random.next() % 400)
            registry.memory.damage(at: offset, UInt8(truncatingIfNeeded: random.next()))
            var reader = MetricReader(registry.memory)
            var snapshot = MetricSnapshot()
            reader.read(into: &snapshot)
            #expect(snapshot.seriesCount <= 2)
        }
    }

    @Test func `memory of another layout is not read`() {
        let memory = MetricMemory.own(words: 64, definitionBytes: 64)
        let bytes = MetricMemory.size(words: 64, definitionBytes: 64)
        func read(_ count: Int) -> MetricMemory? {
            memory.withBytes { MetricMemory.other($0, bytes: count, owner: Owner()) }
        }
        #expect(read(bytes) == nil)
        _ = MetricRegistry(memory)
        #expect(read(bytes) != nil)
        #expect(read(bytes - 1) == nil)
        #expect(read(8) == nil)
    }
}

private final class Owner: Sendable {}

private struct SplitMix {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        return z ^ (z >> 27)
    }
}
