import SwerveCore
import Testing
import Tracing

@testable import SwerveTracing

@Suite struct SpanTests {
    private struct Failure: Error, CustomStringConvertible {
        let description = "it broke"
    }

    private func parent(sampled: Bool, state: String? = nil) throws -> TraceContext {
        TraceContext(
            try #require(TraceID(high: 5, low: 6)),
            try #require(SpanID(7)),
            flags: sampled ? TraceContext.sampledFlag : 0,
            state: state
        )
    }

    @Test func `a span below a parent has its trace, its state and an ID of its own`() throws {
        let (recorder, kept) = try recorder()
        let parent = try parent(sampled: true, state: "a=1")
        let span = try #require(recorder.begin("work", kind: .server, below: parent, isRemote: true))
        #expect(kept.all.isEmpty)
        span.end()
        let record = try #require(kept.all.first)
        #expect(record.trace.traceID == parent.traceID)
        #expect(record.trace.spanID != parent.spanID)
        #expect(record.trace.state == "a=1")
        #expect(record.trace == span.trace)
        #expect(record.parent == parent.spanID)
        #expect(record.hasRemoteParent)
        #expect(record.name == "work")
        #expect(record.kind == .server)
        #expect((record.start, record.end) == (1000, 1001))
        #expect(record.status == .unset)
    }

    @Test func `a root has a new trace, which is sampled`() throws {
        let (recorder, kept) = try recorder()
        for _ in 0..<2 { recorder.begin("root", kind: .client, below: nil, isRemote: false)?.end() }
        #expect(kept.all.count == 2)
        #expect(kept.all[0].parent == nil)
        #expect(kept.all[0].trace.isSampled)
        #expect(kept.all[0].trace.traceID != kept.all[1].trace.traceID)
    }

    @Test func `the parent's choice counts, whatever the ratio`() throws {
        let (none, _) = try recorder(.ratio(0))
        #expect(none.begin("", kind: .server, below: try parent(sampled: true), isRemote: true) != nil)
        #expect(none.begin("", kind: .server, below: nil, isRemote: true) == nil)
        let (all, _) = try recorder(.always)
        #expect(all.begin("", kind: .server, below: try parent(sampled: false), isRemote: true) == nil)
    }

    @Test func `never means never`() throws {
        let (recorder, _) = try recorder(.never)
        #expect(recorder.begin("", kind: .server, below: try parent(sampled: true), isRemote: true) == nil)
    }

    @Test func `a ratio takes about its share`() throws {
        let (recorder, _) = try recorder(.ratio(0.25))
        let taken = (0..<4000).count { _ in recorder.begin("", kind: .server, below: nil, isRemote: false) != nil }
        #expect((900...1100).contains(taken))
    }

    @Test func `a span that is not recorded makes no name`() throws {
        let (recorder, _) = try recorder(.ratio(0))
        var isMade = false
        func name() -> String {
            isMade = true
            return ""
        }
        #expect(recorder.begin(name(), kind: .server, below: nil, isRemote: false) == nil)
        #expect(!isMade)
    }

    @Test func `the first end counts, and what comes after it is lost`() throws {
        let (recorder, kept) = try recorder()
        let span = try #require(recorder.begin("work", kind: .internal, below: nil, isRemote: false))
        span.end()
        span.set("late", 1)
        span.fail("late")
        span.end()
        #expect(kept.all.count == 1)
        #expect(kept.all[0].attributes == [])
        #expect(!span.isRecording)
    }

    @Test func `an end before the start counts as the start`() throws {
        let (recorder, kept) = try recorder()
        let span = try #require(recorder.begin("work", kind: .internal, below: nil, isRemote: false))
        span.end(at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 3))
        #expect(kept.all[0].end == 1000)
    }

    @Test func `errors say their kind and their text`() throws {
        let (recorder, kept) = try recorder()
        let errors: [any Error] = [ServeError(.queueFull, "full"), CancellationError(), Failure()]
        for error in errors {
            let span = recorder.begin("", kind: .internal, below: nil, isRemote: false)
            span?.fail(error)
            span?.end()
        }
        let types = kept.all.map { $0.attributes.first { $0.name == "error.type" }?.value }
        #expect(types[0] == .text("queue_full"))
        #expect(types[1] == .text("cancelled"))
        #expect(kept.all.map(\.status) == [.error("full"), .error("cancelled"), .error("it broke")])
    }

    @Test func `attributes of user code follow Swerve's, in the order of their names`() throws {
        let (recorder, kept) = try recorder()
        let span = try #require(recorder.begin("work", kind: .internal, below: nil, isRemote: false))
        span.attributes["b"] = true
        span.attributes["a"] = [1, 2] as [Int]
        span.set("own", "x")
        span.attributes["c"] = 0.5
        #expect(span.attributes.count == 3)
        span.end()
        #expect(
            kept.all[0].attributes == [
                .init("own", .text("x")), .init("a", .list([.integer(1), .integer(2)])), .init("b", .flag(true)),
                .init("c", .number(0.5)),
            ]
        )
    }

    @Test func `an attribute that is set twice has the last value, and that of user code counts`() throws {
        let (recorder, kept) = try recorder()
        let span = try #require(recorder.begin("work", kind: .internal, below: nil, isRemote: false))
        span.attributes["own"] = "user"
        span.set("own", "x")
        span.set("number", 1)
        span.set("number", 2)
        span.end()
        #expect(kept.all[0].attributes == [.init("own", .text("user")), .init("number", .integer(2))])
    }

    @Test func `what is beyond the limits is counted`() throws {
        var limits = TracingOptions.Limits()
        limits.maxAttributesPerSpan = 2
        limits.maxTextBytes = 16
        let (recorder, kept) = try recorder(.always, limits)
        let span = try #require(recorder.begin("work", kind: .internal, below: nil, isRemote: false))
        for number in 0..<5 {
            span.attributes["\(number)"] = String(repeating: "ü", count: 20)
            span.addEvent(SpanEvent(name: "event", attributes: ["a": 1, "b": 2, "c": 3]))
            span.addLink(SpanLink(context: span.context, attributes: [:]))
        }
        span.end()
        let record = kept.all[0]
        #expect(record.attributes == [.init("0", .text("üüüüüüüü")), .init("1", .text("üüüüüüüü"))])
        #expect((record.droppedAttributes, record.droppedEvents, record.droppedLinks) == (3, 3, 3))
        #expect(record.events[0].droppedAttributes == 1)
    }

    @Test func `a text is cut between characters`() throws {
        var limits = TracingOptions.Limits()
        limits.maxTextBytes = 17
        let (recorder, kept) = try recorder(.always, limits)
        let span = recorder.begin("", kind: .internal, below: nil, isRemote: false)
        span?.set("text", String(repeating: "ü", count: 20))
        span?.end()
        #expect(kept.all[0].attributes == [.init("text", .text("üüüüüüüü"))])
    }

    // MARK: The tracer

    @Test func `spans of user code belong below the span of their context, with the same recorder`() throws {
        let (recorder, kept) = try recorder()
        let request = try #require(recorder.begin("request", kind: .server, below: nil, isRemote: false))
        let tracer = ServeTracer()
        ServiceContext.withValue(request.context) {
            tracer.withSpan("outer") { _ in
                tracer.withSpan("inner", ofKind: .client) { #expect(OpenSpan.current === $0) }
            }
        }
        #expect(kept.all.map(\.name) == ["inner", "outer"])
        #expect(kept.all[1].parent == request.trace.spanID)
        #expect(kept.all[0].parent == kept.all[1].trace.spanID)
        #expect(Set(kept.all.map(\.trace.traceID)) == [request.trace.traceID])
    }

    @Test func `an error in withSpan is the span's`() throws {
        let (recorder, kept) = try recorder()
        let request = try #require(recorder.begin("request", kind: .server, below: nil, isRemote: false))
        #expect(throws: Failure.self) {
            try ServeTracer().withSpan("work", context: request.context) { _ in throw Failure() }
        }
        let record = kept.all[0]
        #expect(record.status == .error(""))
        #expect(record.events.map(\.name) == ["exception"])
        #expect(record.events[0].attributes.contains(.init("exception.message", .text("it broke"))))
    }

    @Test func `spans below one that is not recorded are not recorded either`() throws {
        let (recorder, kept) = try recorder()
        var context = ServiceContext.topLevel
        context.activeSpan = .remote(try parent(sampled: false))
        ServeTracer.install(recorder)
        defer { ServeTracer.remove(recorder) }
        ServeTracer().withSpan("outer", context: context) { outer in
            #expect(!outer.isRecording)
            outer.attributes["lost"] = 1
            ServeTracer().withSpan("inner", context: outer.context) { #expect(!$0.isRecording) }
        }
        #expect(kept.all.isEmpty)
    }

    @Test func `spans of user code in a request that is not recorded are not recorded either`() throws {
        let requests: [(RequestTrace?, beginsTracesAtCalls: Bool, isRecorded: Bool)] = [
            (RequestTrace(trace: try parent(sampled: false), isDecided: false), true, false),
            (RequestTrace(trace: try parent(sampled: true), isDecided: false), false, true),
            (RequestTrace(trace: nil, isDecided: true), true, false),
            (RequestTrace(trace: nil, isDecided: false), true, true),
            (RequestTrace(trace: nil, isDecided: false), false, false),
            (nil, false, true),
        ]
        for (request, begins, isRecorded) in requests {
            let recorder = SpanRecorder(
                try settings(TracingOptions()),
                beginsTracesAtCalls: begins,
                request: { request },
                clock: { 1 },
                seeds: (1, 2),
                receiver: KeptSpans()
            )
            // The tracer of the process asks the recorder this; there is one for all tests.
            #expect(
                recorder.takes(recorder.parentInRequest()) == isRecorded,
                "\(String(describing: request)), \(begins)"
            )
        }
    }

    private struct Headers: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    @Test func `a context goes out and in by the headers of the standard`() throws {
        let (recorder, _) = try recorder()
        let span = try #require(
            recorder.begin("", kind: .client, below: try parent(sampled: true, state: "a=1"), isRemote: false)
        )
        var headers: [String: String] = [:]
        ServeTracer().inject(span.context, into: &headers, using: Headers())
        #expect(headers == ["traceparent": span.trace.traceparent, "tracestate": "a=1"])
        var context = ServiceContext.topLevel
        ServeTracer().extract(headers, into: &context, using: Headers())
        #expect(context.activeSpan?.trace == span.trace)
    }

    @Test func `an empty context injects nothing`() {
        var headers: [String: String] = [:]
        ServeTracer().inject(.topLevel, into: &headers, using: Headers())
        #expect(headers.isEmpty)
    }
}
