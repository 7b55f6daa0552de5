internal import SwerveHTTPTypes
internal import SwerveMetrics

/// What one event loop counts of the requests of one route. Confined to the loop, so that nothing is shared by several
/// threads while requests go on.
///
/// A series comes to be with the first request that has its method and status, and is found by two comparisons from then
/// on. Methods are those that HTTP defines, so a client cannot make series.
final class RouteMetrics: @unchecked Sendable {
    // Unchecked: see the confinement above.
    private struct Series {
        let method: UInt64
        let status: UInt16
        let latency: MetricHistogram
    }

    private let registry: MetricRegistry
    private let labels: [MetricLabel]
    /// Those of the deployment's own series; `nil` for requests that have no route.
    private let deployment: [MetricLabel]?
    private let loop: LoopMetrics
    // The exclusivity of accesses is not checked at run time: only the event loop's thread accesses it.
    @exclusivity(unchecked) private var series: [Series] = []

    /// - Parameters:
    ///   - route: the prefix of the route; empty for requests that have none.
    ///   - loop: what the loop counts for all its routes.
    init(_ route: String, _ application: String, deployment: [MetricLabel]?, _ loop: LoopMetrics) {
        self.registry = loop.registry
        self.labels = [MetricLabel("application", application), MetricLabel("route", route)]
        self.deployment = deployment
        self.loop = loop
    }

    @inline(__always)
    func began() { loop.words.addAlone(at: 0) }

    /// A request has its answer.
    ///
    /// - Parameters:
    ///   - method: the request's ``HTTPRequestHead/methodWord``.
    ///   - nanoseconds: how long it took.
    ///   - now: the time in nanoseconds; 0 if it is not known.
    ///   - id: the request's, which few requests are asked for.
    @inline(__always)
    func ended(
        _ method: UInt64,
        _ status: UInt16,
        nanoseconds: UInt64,
        now: UInt64,
        id: @autoclosure () -> String
    ) {
        loop.words.addAlone(at: 1)
        // By index: a copy of an element would be two reference counts.
        for index in series.indices where series[index].status == status && series[index].method == method {
            return series[index].latency.observeAlone(nanoseconds, now: now, id: id())
        }
        resolve(method, status).observeAlone(nanoseconds, now: now, id: id())
    }

    /// A request was answered at once.
    func answered(_ head: HTTPRequestHead, _ status: UInt16) {
        began()
        ended(head.methodWord, status, nanoseconds: 0, now: 0, id: head.requestID)
    }

    private static let methods = HTTPMethod.standard.map { ($0.rawValue, HTTPRequestHead.methodWord(of: $0.rawValue)) }

    @inline(never)
    private func resolve(_ word: UInt64, _ status: UInt16) -> MetricHistogram {
        let known = Self.methods.first { $0.1 == word }
        let method = known?.1 ?? 0
        if let old = series.first(where: { $0.status == status && $0.method == method }) { return old.latency }
        let (name, code) = (MetricLabel("method", known?.0 ?? "OTHER"), "\(status)")
        let all = labels + [name, MetricLabel("status_code", code)]
        let latency = registry.histogram(
            "ray_serve_http_request_latency_ms",
            all,
            .latency,
            copy: loop.index,
            exemplars: true
        )
        let count = [latency.term(in: registry)]
        registry.derived(.counter, "ray_serve_num_http_requests", all, copy: loop.index, count)
        if status >= 400 {
            let error = labels + [name, MetricLabel("error_code", code)]
            registry.derived(.counter, "ray_serve_num_http_error_requests", error, copy: loop.index, count)
            if let deployment {
                let error = deployment + error.filter { $0.name != "application" }
                let metric = "ray_serve_num_deployment_http_error_requests"
                registry.derived(.counter, metric, error, copy: loop.index, count)
            }
        }
        series.append(Series(method: method, status: status, latency: latency))
        return latency
    }
}

/// What one event loop counts of all its HTTP requests.
struct LoopMetrics: Sendable {
    let registry: MetricRegistry
    let index: Int
    /// The requests that began and those that ended.
    let words: MetricWords

    init(_ registry: MetricRegistry, index: Int) {
        self.registry = registry
        self.index = index
        words = registry.words(2, for: "HTTP requests of loop \(index)")
        registry.derived(
            .gauge,
            "ray_serve_num_ongoing_http_requests",
            [],
            copy: index,
            [words.term(0), words.term(1, isNegative: true)]
        )
    }
}
