import SwerveHTTPTypes
import SwerveMetrics
import Testing

@testable import SwerveProxy

@Suite struct RouteMetricsTests {
    private static func snapshot(_ registry: MetricRegistry) -> MetricSnapshot {
        var reader = MetricReader(registry.memory)
        var snapshot = MetricSnapshot()
        reader.read(into: &snapshot)
        return snapshot
    }

    private static func head(_ method: String) throws -> HTTPRequestHead {
        try ServeRequest(method: HTTPMethod(rawValue: method), path: "/").head
    }

    @Test func `each method has a number of its own`() throws {
        for method in HTTPMethod.standard.map(\.rawValue) + ["GOT", "GETS", "G"] {
            #expect(try Self.head(method).methodWord == HTTPRequestHead.methodWord(of: method))
        }
        #expect(Set(HTTPMethod.standard.map { HTTPRequestHead.methodWord(of: $0.rawValue) }).count == 9)
    }

    @Test func `methods that HTTP does not define share one series, and do not count as others`() throws {
        let registry = MetricRegistry(.own())
        let metrics = RouteMetrics("/", "a", deployment: nil, LoopMetrics(registry, index: 0))
        for method in ["GOT", "GET", "OPTIONSX", "PROPFIND", "propfind", "OPTIONS", "GET"] {
            metrics.answered(try Self.head(method), 200)
        }
        let snapshot = Self.snapshot(registry)
        func count(_ method: String) -> Double {
            snapshot.sum(of: "ray_serve_num_http_requests", where: [MetricLabel("method", method)])
        }
        #expect(count("GET") == 2)
        #expect(count("OPTIONS") == 1)
        #expect(count("OTHER") == 4)
        #expect(snapshot.sum(of: "ray_serve_num_http_error_requests") == 0)
        #expect(snapshot.families["ray_serve_num_http_requests"]?.series.count == 3)
    }

    @Test func `event loops count apart, are read together, and go on when the routes are set anew`() throws {
        let registry = MetricRegistry(.own())
        let deployment = [MetricLabel("application", "a"), MetricLabel("deployment", "B")]
        for round in 0..<3 {
            let loop = LoopMetrics(registry, index: round % 2)
            let metrics = RouteMetrics("/x", "a", deployment: deployment, loop)
            metrics.began()
            metrics.ended(try Self.head("GET").methodWord, 503, nanoseconds: 3_000_000, now: 1, id: "")
            metrics.began()
        }
        let snapshot = Self.snapshot(registry)
        let labels = [
            MetricLabel("application", "a"), MetricLabel("route", "/x"), MetricLabel("method", "GET"),
        ]
        let status = MetricLabel("status_code", "503")
        #expect(snapshot["ray_serve_num_http_requests", labels + [status]] == .number(3))
        #expect(
            snapshot["ray_serve_num_http_error_requests", labels + [MetricLabel("error_code", "503")]] == .number(3)
        )
        #expect(snapshot.sum(of: "ray_serve_num_deployment_http_error_requests", where: deployment) == 3)
        guard case .histogram(let latency) = snapshot["ray_serve_http_request_latency_ms", labels + [status]] else {
            Issue.record("no histogram")
            return
        }
        #expect(latency.sum == 9)
        #expect(snapshot["ray_serve_num_ongoing_http_requests", []] == .number(3))
    }
}
