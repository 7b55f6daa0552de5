package import NIOCore
package import SwerveHTTP
package import SwerveHTTPTypes

/// Answers the requests of the admin server.
package final class AdminService: HTTPService {
    private let access: AdminAccess
    private let routes: AdminRoutes

    package init(_ access: AdminAccess, _ routes: AdminRoutes) {
        self.access = access
        self.routes = routes
    }

    /// Header lines of every answer: nothing is kept by caches, shown in frames of other pages, or taken for another
    /// type; the page loads nothing that is not this server's, and runs nothing that is not in a file.
    private static let addedHeaders = ByteBuffer(
        string: [
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
        ].map { "\($0)\r\n" }.joined()
    )

    package func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        exchange.addedHeaders = Self.addedHeaders
        let head = head.compacted()
        do throws(AdminError) {
            // Before anything is told to a page of another site.
            try access.check(head, .nothing)
            let (route, parameters) = try routes.match(head.method, head.fullPath)
            try access.check(head, route.need)
            guard !head.flags.hasContentEncoding else {
                throw AdminError(.unsupportedMediaType, "unsupported_media_type", "send the content without coding")
            }
            AdminExchange(exchange, head, parameters, route.handler).begin(body)
        } catch {
            AdminExchange(exchange, head, [:]) { _ in error.response }.refuse(with: error)
        }
    }
}
