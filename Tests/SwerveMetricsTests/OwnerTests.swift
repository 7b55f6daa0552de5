import SwerveMetrics
import TestSupport
import Testing

/// Whoever can count holds the memory in which it does.
@Suite struct OwnerTests {
    /// Makes something that counts, in memory that only it then holds.
    private func make<Holder>(_ body: (MetricRegistry) -> Holder) -> (holder: Holder, memory: Weak) {
        let bytes = MetricBytes()
        return (body(MetricRegistry(bytes.memory)), Weak(bytes))
    }

    private struct Weak {
        weak var bytes: MetricBytes?
        init(_ bytes: MetricBytes) { self.bytes = bytes }
    }

    private func read(_ bytes: MetricBytes?) throws -> MetricSnapshot {
        var reader = MetricReader(try #require(bytes, "its memory is freed").memory)
        var snapshot = MetricSnapshot()
        reader.read(into: &snapshot)
        return snapshot
    }

    @Test func `a counter outlives its registry`() throws {
        let (counter, memory) = make { $0.counter("c") }
        counter.add(3)
        #expect(try read(memory.bytes)["c", []] == .number(3))
    }

    @Test func `a gauge outlives its registry`() throws {
        let (gauge, memory) = make { $0.gauge("g") }
        gauge.store(5)
        #expect(try read(memory.bytes)["g", []] == .number(5))
    }

    @Test func `words outlive their registry`() throws {
        let (words, memory) = make { registry in
            let words = registry.words(2)
            registry.derived(.counter, "sum", [], [words.term(0), words.term(1)])
            return words
        }
        words.add(2, at: 0)
        words.addAlone(4, at: 1)
        #expect(try read(memory.bytes)["sum", []] == .number(6))
    }

    @Test func `a histogram outlives its registry, with bounds that nobody else has`() throws {
        let (histogram, memory) = make { $0.histogram("h", [], MetricBounds([1, 2, 4]), exemplars: true) }
        histogram.observe(2)
        histogram.observeAlone(9, now: 2_000_000_000, id: "r")
        #expect(
            try read(memory.bytes)["h", []]
                == .histogram(
                    MetricDistribution(
                        bounds: [1, 2, 4],
                        counts: [0, 1, 0, 1],
                        sum: 11,
                        exemplars: [MetricExemplar(bucket: 3, value: 9, id: "r")]
                    )
                )
        )
    }

    @Test func `what found no room outlives its registry, too`() {
        let (words, histogram) = make { registry in
            (registry.words(1 << 20), registry.histogram("h", [], .latency))
        }.holder
        for index in 0..<8 { words.add(at: index) }
        histogram.observe(1)
    }

    @Test func `the memory is freed with the last that counts in it`() {
        weak var gone: MetricBytes?
        do {
            let (counter, memory) = make { $0.counter("c") }
            gone = memory.bytes
            counter.add()
        }
        #expect(gone == nil)
    }
}
