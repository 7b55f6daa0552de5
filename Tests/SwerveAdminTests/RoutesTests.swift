import SwerveHTTPTypes
import Testing

@testable import SwerveAdmin

@Suite struct RoutesTests {
    private let routes = AdminRoutes(
        [
            (HTTPMethod.get, "/"), (.get, "/api/v1/status"), (.get, "/api/serve/applications"),
            (.put, "/api/serve/applications"), (.delete, "/api/v1/applications/{application}"),
            (.get, "/api/v1/applications/all"),
        ].map { AdminRoute($0.0, $0.1) { _ in .text("") } }
    )

    private func found(_ method: HTTPMethod, _ path: String) -> String {
        do throws(AdminError) {
            let (route, parameters) = try routes.match(method, path)
            return parameters["application"].map { "\(route.pattern.description) \($0)" } ?? route.pattern.description
        } catch {
            return "\(error.status.code) \(error.headers["allow"] ?? "")\(error.message)"
        }
    }

    @Test func `a path finds its route, with or without a slash at its end`() {
        #expect(found(.get, "/") == "/")
        #expect(found(.get, "/api/serve/applications/") == "/api/serve/applications")
        #expect(found(.put, "/api/serve/applications") == "/api/serve/applications")
        #expect(found(.head, "/api/v1/status") == "/api/v1/status")
    }

    @Test func `a parameter is decoded, and a literal path comes before it`() {
        #expect(found(.delete, "/api/v1/applications/a%20b") == "/api/v1/applications/{application} a b")
        #expect(found(.get, "/api/v1/applications/all") == "/api/v1/applications/all")
    }

    @Test func `another method gets 405 with those that the path answers`() {
        #expect(found(.post, "/api/serve/applications").hasPrefix("405 GET, HEAD, PUTPOST is not allowed here"))
    }

    @Test func `an unknown path gets 404 with those that are spelled alike`() {
        #expect(found(.get, "/api/v1/statu") == "404 there is no /api/v1/statu; there is /api/v1/status")
        #expect(found(.get, "/completely/different/thing") == "404 there is no /completely/different/thing")
        let long = "/" + String(repeating: "x", count: 5000)
        #expect(found(.get, long).utf8.count < 300)
    }
}
