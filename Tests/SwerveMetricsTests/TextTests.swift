import SwerveMetrics
import Testing

@Suite struct TextTests {
    private static func snapshot(_ build: (MetricRegistry) -> Void) -> MetricSnapshot {
        let registry = MetricRegistry(.own())
        build(registry)
        var reader = MetricReader(registry.memory)
        var snapshot = MetricSnapshot()
        reader.read(into: &snapshot)
        return snapshot
    }

    private static let some = snapshot { registry in
        registry.counter("requests", [MetricLabel("route", "/a\"b\\c\nd")]).add(3)
        registry.gauge("share", floating: true).store(0.5.bitPattern)
        let sizes = registry.histogram("size", [], MetricBounds([1, 2.5]), exemplars: true)
        sizes.observeAlone(2, now: 2_000_000_000, id: "req-1")
        sizes.observeAlone(9, now: 2_000_000_000, id: "req-2")
    }

    @Test func `Prometheus' format`() {
        let text = MetricsEncoder.encode(Self.some, as: .prometheus) { $0 == "share" ? "A\\B\nC" : nil }
        #expect(
            text == """
                # TYPE requests_total counter
                requests_total{route="/a\\"b\\\\c\\nd"} 3
                # HELP share A\\\\B\\nC
                # TYPE share gauge
                share 0.5
                # TYPE size histogram
                size_bucket{le="1.0"} 0
                size_bucket{le="2.5"} 1
                size_bucket{le="+Inf"} 2
                size_sum 11
                size_count 2

                """
        )
    }

    @Test func `OpenMetrics, with the ids of requests as exemplars`() {
        let text = MetricsEncoder.encode(Self.some, as: .openMetrics)
        #expect(
            text == """
                # TYPE requests counter
                requests_total{route="/a\\"b\\\\c\\nd"} 3
                # TYPE share gauge
                share 0.5
                # TYPE size histogram
                size_bucket{le="1.0"} 0
                size_bucket{le="2.5"} 1 # {request_id="req-1"} 2
                size_bucket{le="+Inf"} 2 # {request_id="req-2"} 9
                size_sum 11
                size_count 2
                # EOF

                """
        )
    }

    @Test func `an example is kept at most once a second, and one too long is cut`() {
        let snapshot = Self.snapshot { registry in
            let sizes = registry.histogram("size", [], MetricBounds([1, 2, 3]), exemplars: true)
            sizes.observeAlone(2, now: 5_000_000_000, id: "first")
            sizes.observeAlone(2, now: 5_900_000_000, id: "second")
            sizes.observeAlone(3, now: 5_900_000_000, id: String(repeating: "é", count: 100))
        }
        let text = MetricsEncoder.encode(snapshot, as: .openMetrics)
        #expect(text.contains("# {request_id=\"first\"} 2"))
        #expect(!text.contains("second"))
        #expect(text.contains("# {request_id=\"\(String(repeating: "é", count: 32))\"} 3"))
    }

    @Test(
        arguments: [
            (nil, false), ("*/*", false), ("text/plain", false), ("application/openmetrics-text", true),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
                    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true
            ),
            ("application/openmetrics-text;version=0.0.1", false), ("application/openmetrics-text; q=0", false),
            ("text/plain;q=0.9, Application/OpenMetrics-Text ; version=1.0.0; q=0.1", false), (";;,,q=", false),
        ]
    )
    func `the format is what the client prefers`(accept: String?, isOpen: Bool) {
        #expect(MetricsEncoder.Format(accept: accept) == (isOpen ? .openMetrics : .prometheus))
    }

    @Test func `values that are no numbers have their names`() {
        let snapshot = Self.snapshot { registry in
            for (name, value) in [("a", Double.nan), ("b", .infinity), ("c", -.infinity), ("d", 1e300), ("e", 1e-7)] {
                registry.gauge(name, floating: true).store(value.bitPattern)
            }
        }
        let lines = MetricsEncoder.encode(snapshot, as: .prometheus).split(separator: "\n").filter { $0.first != "#" }
        #expect(lines == ["a NaN", "b +Inf", "c -Inf", "d 1e+300", "e 1e-07"])
    }

    @Test func `control characters and long values do not reach the text`() {
        let value = "a\u{0}b\r\u{7F}" + String(repeating: "x", count: 1000)
        let kept = MetricNames.value(value)
        #expect(kept.hasPrefix("a\u{FFFD}b\u{FFFD}\u{FFFD}xxx"))
        #expect(kept.utf8.count <= MetricNames.maximumValueBytes)
        #expect(MetricNames.value("ok\nend") == "ok\nend")
    }

    @Test func `any name becomes a valid one`() {
        #expect(MetricNames.name("") == "unnamed")
        #expect(MetricNames.name("9lives") == "_9lives")
        #expect(MetricNames.name("größe.ms") == "gr__e_ms")
        #expect(MetricNames.name(String(repeating: "a", count: 5000)).count == MetricNames.maximumNameBytes)
    }

    @Test func `each metric of the catalogue has a name of Prometheus' kind and a text`() {
        let names = MetricCatalog.entries.map(\.name)
        #expect(Set(names).count == names.count)
        for entry in MetricCatalog.entries {
            #expect(MetricNames.name(entry.name) == entry.name)
            #expect(!entry.name.hasSuffix("_total"))
            #expect(entry.help.hasSuffix("."))
        }
    }
}
