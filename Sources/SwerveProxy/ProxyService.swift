package import NIOCore
package import SwerveActors
package import SwerveCore
package import SwerveHTTP
package import SwerveHTTPTypes
internal import SwerveMetrics
internal import Synchronization

/// Answers the HTTP server's requests by passing them to the replicas of the applications' ingresses.
package final class ProxyService: HTTPService {
    private let table = Mutex(RouteTable())
    private let isDraining = Mutex(false)
    private let metricsPage = Mutex<MetricsPage?>(nil)
    private let pools: PoolTable
    private let loops: [RequestLoop]
    /// What the event loops count, in the same order.
    private let metrics: [LoopMetrics]
    /// Of requests that have no route.
    private let unrouted: [RouteMetrics]
    private let log: AccessLog?

    /// - Parameters:
    ///   - loops: the HTTP server's event loops.
    ///   - log: is told each request that is over, apart from those to the proxy's own pages; `nil` for none.
    package init(pools: PoolTable, loops: [any EventLoop], log: AccessLog? = nil) {
        self.pools = pools
        self.log = log
        self.loops = loops.enumerated().map { RequestLoop($0.element, index: $0.offset) }
        self.metrics = loops.indices.map { LoopMetrics(pools.metrics.registry, index: $0) }
        self.unrouted = metrics.map { RouteMetrics("", "", deployment: nil, $0) }
    }

    package func expose(_ entries: [RouteEntry]) {
        let new = RouteTable(entries, pools, metrics)
        table.withLock { $0 = new }
    }

    /// The metrics as text and its media type, for a client that accepts these; `nil` if there are none now.
    package typealias MetricsPage = @Sendable (_ accept: String?) async -> (type: String, text: String)?

    /// Answers `/-/metrics` from now on.
    package func show(_ page: @escaping MetricsPage) { metricsPage.withLock { $0 = page } }

    /// Makes `/-/healthz` answer 503 from now on, so that load balancers avoid this instance.
    package func beginDraining() {
        isDraining.withLock { $0 = true }
    }

    package func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        let table = table.withLock { $0 }
        if isOwnPage(head) { return answerOwnPage(head, table, exchange) }
        guard let loop = loops.first(where: { $0.eventLoop === exchange.eventLoop }) else {
            preconditionFailure("a request came on a loop that is not the server's")
        }
        guard let (row, prefixLength) = table.match(head) else {
            unrouted[loop.index].answered(head, 404)
            if let log { AccessLog.Request(log, head, exchange, nil).ended(404, at: exchange.eventLoop.now) }
            return exchange.fail(status: 404, message: "no application has a route for this path")
        }
        let metrics = row.metrics[loop.index]
        if let cors = row.cors, let status = answer(cors, head, exchange) { return metrics.answered(head, status) }
        var head = head
        head.prefixLength = prefixLength
        let request = log.map { AccessLog.Request($0, head, exchange, row.pool.id) }
        HTTPForward(row.pool, head, body, exchange, loop, metrics, request).begin()
    }

    /// Adds the application's CORS headers to the answer.
    ///
    /// - Returns: the status if the request was a preflight request, which is answered now.
    private func answer(_ cors: CORSAnswers, _ head: HTTPRequestHead, _ exchange: HTTPExchange) -> UInt16? {
        let origin = head.headers["origin"]
        exchange.addedHeaders = cors.lines(for: origin)
        guard let (status, lines) = cors.preflight(head) else { return nil }
        if status == 204 {
            exchange.respond(status: status, headerBlock: lines, body: ByteBuffer())
        } else {
            exchange.fail(status: status, message: "the application's option cors does not allow this origin")
        }
        return status
    }

    // MARK: The proxy's own pages

    private static let ownPrefix = Array("/-".utf8)
    private static let textHeader = ByteBuffer(string: "content-type: text/plain; charset=utf-8\r\n")
    private static let jsonHeader = ByteBuffer(string: "content-type: application/json\r\n")

    /// Pages below `/-/` belong to the proxy itself.
    private func isOwnPage(_ head: HTTPRequestHead) -> Bool {
        head.withPathBytes { path in
            guard path.count > 2, path[1] == UInt8(ascii: "-") || path[1] == UInt8(ascii: "%") else { return false }
            guard let length = NormalPath.length(of: Self.ownPrefix, in: path) else { return false }
            return length < path.count
        }
    }

    private func answerOwnPage(_ head: HTTPRequestHead, _ table: RouteTable, _ exchange: HTTPExchange) {
        func answer(_ text: String, status: UInt16 = 200, header: ByteBuffer = Self.textHeader) {
            exchange.respond(status: status, headerBlock: header, body: ByteBuffer(string: text))
        }
        let path = NormalPath.normalized(head.fullPath)
        let metricsPage = path == "/-/metrics" ? metricsPage.withLock { $0 } : nil
        guard ["/-/healthz", "/-/routes"].contains(path) || metricsPage != nil else {
            return answer("there is /-/healthz and /-/routes\n", status: 404)
        }
        let method = head.method
        guard method == .get || method == .head else {
            return exchange.respond(.refusing(method, allowed: [.get]))
        }
        if let metricsPage { return show(metricsPage, head, exchange) }
        if path == "/-/routes" { return answer(table.json, header: Self.jsonHeader) }
        let isDraining = isDraining.withLock { $0 }
        answer(isDraining ? "draining\n" : "success\n", status: isDraining ? 503 : 200)
    }

    private func show(_ page: @escaping MetricsPage, _ head: HTTPRequestHead, _ exchange: HTTPExchange) {
        let accept = head.headers["accept"]
        let loop = exchange.eventLoop
        let exchange = NIOLoopBound(exchange, eventLoop: loop)
        // Unstructured: ends with the page. A client that has left meanwhile gets nothing.
        Task {
            let answer = await page(accept)
            loop.execute {
                guard let answer else { return exchange.value.fail(status: 503, message: "there are no metrics now") }
                exchange.value.respond(
                    status: 200,
                    headerBlock: ByteBuffer(string: "content-type: \(answer.type)\r\n"),
                    body: ByteBuffer(string: answer.text)
                )
            }
        }
    }
}
