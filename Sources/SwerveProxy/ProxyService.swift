package import NIOCore
package import SwerveActors
package import SwerveCore
package import SwerveHTTP
package import SwerveHTTPTypes
internal import Synchronization

/// Answers the HTTP server's requests by passing them to the replicas of the applications' ingresses.
package final class ProxyService: HTTPService {
    private let table = Mutex(RouteTable())
    private let isDraining = Mutex(false)
    private let pools: PoolTable
    private let loops: [RequestLoop]
    private let log: AccessLog?

    /// - Parameters:
    ///   - loops: the HTTP server's event loops.
    ///   - log: is told each request that is over, apart from those to the proxy's own pages; `nil` for none.
    package init(pools: PoolTable, loops: [any EventLoop], log: AccessLog? = nil) {
        self.pools = pools
        self.log = log
        self.loops = loops.enumerated().map { RequestLoop($0.element, index: $0.offset) }
    }

    package func expose(_ entries: [RouteEntry]) {
        let new = RouteTable(entries, pools)
        table.withLock { $0 = new }
    }

    /// Makes `/-/healthz` answer 503 from now on, so that load balancers avoid this instance.
    package func beginDraining() {
        isDraining.withLock { $0 = true }
    }

    package func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        let table = table.withLock { $0 }
        if isOwnPage(head) { return answerOwnPage(head, table, exchange) }
        guard let (row, prefixLength) = table.match(head) else {
            if let log { AccessLog.Request(log, head, exchange, nil).ended(404, at: exchange.eventLoop.now) }
            return exchange.fail(status: 404, message: "no application has a route for this path")
        }
        if let cors = row.cors, answer(cors, head, exchange) { return }
        var head = head
        head.prefixLength = prefixLength
        guard let loop = loops.first(where: { $0.eventLoop === exchange.eventLoop }) else {
            preconditionFailure("a request came on a loop that is not the server's")
        }
        let request = log.map { AccessLog.Request($0, head, exchange, row.pool.id) }
        HTTPForward(row.pool, head, body, exchange, loop, request).begin()
    }

    /// Adds the application's CORS headers to the answer.
    ///
    /// - Returns: whether the request was a preflight request, which is answered now.
    private func answer(_ cors: CORSAnswers, _ head: HTTPRequestHead, _ exchange: HTTPExchange) -> Bool {
        let origin = head.headers["origin"]
        exchange.addedHeaders = cors.lines(for: origin)
        guard let (status, lines) = cors.preflight(head) else { return false }
        if status == 204 {
            exchange.respond(status: status, headerBlock: lines, body: ByteBuffer())
        } else {
            exchange.fail(status: status, message: "the application's option cors does not allow this origin")
        }
        return true
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
        guard ["/-/healthz", "/-/routes"].contains(path) else {
            return answer("there is /-/healthz and /-/routes\n", status: 404)
        }
        let method = head.method
        guard method == .get || method == .head else {
            return exchange.respond(.refusing(method, allowed: [.get]))
        }
        if path == "/-/routes" { return answer(table.json, header: Self.jsonHeader) }
        let isDraining = isDraining.withLock { $0 }
        answer(isDraining ? "draining\n" : "success\n", status: isDraining ? 503 : 200)
    }
}
