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

    /// - Parameter loops: the HTTP server's event loops.
    package init(pools: PoolTable, loops: [any EventLoop]) {
        self.pools = pools
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
        if let answer = ownPage(head, table) {
            return exchange.respond(status: answer.0, headerBlock: Self.textHeader, body: ByteBuffer(string: answer.1))
        }
        guard let row = table.match(head) else {
            return exchange.fail(status: 404, message: "no application has a route for this path")
        }
        var head = head
        head.prefixLength = row.prefixLength
        guard let loop = loops.first(where: { $0.eventLoop === exchange.eventLoop }) else {
            preconditionFailure("a request came on a loop that is not the server's")
        }
        HTTPForward(row.pool, head, body, exchange, loop).begin()
    }

    private static let textHeader = ByteBuffer(string: "content-type: text/plain; charset=utf-8\r\n")

    /// Pages below `/-/` belong to the proxy itself.
    private func ownPage(_ head: HTTPRequestHead, _ table: RouteTable) -> (UInt16, String)? {
        guard head.withPathBytes({ $0.count > 2 && $0[1] == UInt8(ascii: "-") && $0[2] == UInt8(ascii: "/") }) else {
            return nil
        }
        switch head.fullPath {
        case "/-/healthz": return isDraining.withLock { $0 } ? (503, "draining\n") : (200, "success\n")
        case "/-/routes": return (200, table.json)
        default: return (404, "there is /-/healthz and /-/routes\n")
        }
    }
}
