import NIOCore
import Swerve
import SwerveTesting
import TestSupport
import Testing
import Tracing

extension IntegrationTests {
    /// Spans as a collector gets them. `make test-operations` looks at more of them, with the definitions of
    /// opentelemetry-proto.
    @Suite(.timeLimit(.minutes(5))) struct TracingTests {
        private func options(_ collector: FakeCollector, _ sampling: TraceSampling = .always) -> ServeOptions {
            var options = ServeOptions.testing
            var limits = TracingOptions.Limits()
            limits.exportInterval = .milliseconds(20)
            options.tracing = TracingOptions(
                endpoint: collector.url,
                sampling: sampling,
                headers: ["x-key": "secret"],
                limits: limits
            )
            return options
        }

        private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        @Test(arguments: DeploymentOptions.Placement.all)
        func `a request is one trace below the client's span, over all processes`(
            _ placement: DeploymentOptions.Placement
        ) async throws {
            try await FakeCollector.open { collector in
                try await withTestInstance(placement: placement, options: options(collector)) { instance in
                    try await instance.run(TracedFront.bind(callee: Traced.bind()), name: "a", routePrefix: "/traced")
                    let port = try #require(await instance.port)
                    let answer = try await fetch("/traced/call", headers: ["traceparent": Self.parent], port: port)
                    #expect(answer.text == "called")
                    try await eventually("five spans arrive") { collector.spans.count == 5 }
                }
                let spans = collector.spans
                #expect(Set(spans.map(\.trace)).count == 1)
                let root = try #require(spans.first { $0.name == "GET /traced" })
                #expect(root.parent == [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
                let front = try #require(spans.first { $0.name == "TracedFront.respond(to:)" })
                #expect(front.parent == root.id)
                let own = try #require(spans.first { $0.name == "own" })
                #expect(own.parent == front.id)
                let calls = spans.filter { $0.name == "Traced.call()" }
                #expect(calls.count == 2)
                #expect(calls.contains { $0.parent == own.id })
                #expect(calls.contains { call in calls.contains { $0.id == call.parent } })
                let head = try #require(collector.heads.first?.lowercased())
                #expect(head.hasPrefix("post /v1/traces http/1.1\r\n"))
                #expect(head.contains("content-type: application/x-protobuf"))
                #expect(head.contains("x-key: secret"))
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `an error reaches all spans that it passes`(_ placement: DeploymentOptions.Placement) async throws {
            try await FakeCollector.open { collector in
                try await withTestInstance(placement: placement, options: options(collector)) { instance in
                    try await instance.run(TracedFront.bind(callee: Traced.bind()), name: "a")
                    let port = try #require(await instance.port)
                    #expect(try await fetch("/fail", port: port).status == 500)
                    try await eventually("four spans arrive") { collector.spans.count == 4 }
                }
                #expect(collector.spans.filter(\.isError).count == 4)
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `nothing is sent of requests that are not sampled`(_ placement: DeploymentOptions.Placement) async throws {
            try await FakeCollector.open { collector in
                try await withTestInstance(placement: placement, options: options(collector, .ratio(0))) { instance in
                    let front = try await instance.run(TracedFront.bind(callee: Traced.bind()), name: "a")
                    let port = try #require(await instance.port)
                    #expect(try await fetch("/call", port: port).text == "called")
                    #expect(try await front.place() == "none")
                    let unsampled = String(Self.parent.dropLast()) + "0"
                    let answer = try await fetch("/place", headers: ["traceparent": unsampled], port: port)
                    #expect(answer.text == unsampled)
                }
                #expect(collector.heads.isEmpty)
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `without tracing, the client's headers reach user code as they are`(
            _ placement: DeploymentOptions.Placement
        ) async throws {
            try await withTestInstance(placement: placement) { instance in
                let front = try await instance.run(TracedFront.bind(callee: Traced.bind()), name: "a")
                let port = try #require(await instance.port)
                let headers = ["traceparent": Self.parent, "tracestate": "a=1"]
                #expect(try await fetch("/place", headers: headers, port: port).text == "\(Self.parent) a=1")
                #expect(try await fetch("/deep", headers: headers, port: port).text == "\(Self.parent) a=1")
                #expect(try await fetch("/place", port: port).text == "none")
                #expect(try await front.place() == "none")
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `a call by handle from outside of requests begins a trace, also one that waits`(
            _ placement: DeploymentOptions.Placement
        ) async throws {
            try await FakeCollector.open { collector in
                try await withTestInstance(placement: placement, options: options(collector)) { instance in
                    let callee = try await instance.run(Traced.bind(), name: "a", routePrefix: nil)
                    #expect(try await callee.call() == "called")
                    try await eventually("two spans arrive") { collector.spans.count == 2 }
                }
                let spans = collector.spans
                #expect(spans.contains { $0.parent.isEmpty })
                #expect(spans.contains { span in spans.contains { $0.id == span.parent } })
            }
        }

        @Test func `a collector that fails or is not there costs no request`() async throws {
            try await FakeCollector.open(status: "503 Service Unavailable") { collector in
                var options = options(collector)
                for endpoint in [collector.url, "http://127.0.0.1:1/v1/traces"] {
                    options.tracing?.endpoint = endpoint
                    try await withTestInstance(options: options) { instance in
                        try await instance.run(TracedFront.bind(callee: Traced.bind()), name: "a")
                        let port = try #require(await instance.port)
                        for _ in 0..<20 { #expect(try await fetch("/call", port: port).text == "called") }
                    }
                }
            }
        }

        @Test func `wrong options are refused at the start`() async throws {
            var options = ServeOptions.testing
            options.tracing = TracingOptions(endpoint: "https://collector/v1/traces")
            let instance = ServeInstance(options)
            await #expect { try await instance.start() } throws: { error in
                (error as? ServeError)?.code == .invalidOptions && "\(error)".contains("tracing.endpoint")
            }
        }
    }
}

/// Says where it is in a trace.
private func currentPlace() -> String {
    let context = ServeContext.current
    guard let parent = context?.traceparent else { return "none" }
    return context?.tracestate.map { "\(parent) \($0)" } ?? parent
}

@Deployment
distributed actor Traced {
    struct Failed: Error {}

    distributed func call() -> String { "called" }
    distributed func fail() throws { throw Failed() }
    distributed func place() -> String { currentPlace() }
}

@Deployment
distributed actor TracedFront: HTTPIngress {
    private let callee: Traced

    init(callee: Traced) {
        self.callee = callee
    }

    distributed func place() -> String { currentPlace() }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/call": return .text(try await withSpan("own") { _ in try await callee.call() })
        case "/fail":
            try await callee.fail()
            return .text("done")
        case "/deep": return .text(try await callee.place())
        default: return .text(currentPlace())
        }
    }
}
