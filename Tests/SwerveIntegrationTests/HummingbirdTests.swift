import HTTPTypes
import Hummingbird
import NIOCore
import Swerve
import SwerveHummingbird
import Testing

/// Compiles only if each name is unambiguous in a file that imports Swerve, Hummingbird and swift-http-types.
private typealias Names = (
    HTTPRequest, HTTPResponse, HTTPError, Request, Response, any RequestContext, ServeRequest, ServeResponse,
    ServeHTTPError, ServeContext
)

/// A deployment that answers with a Hummingbird router.
@Deployment
distributed actor Routed: HTTPIngress {
    private let routes: HummingbirdResponder

    init() {
        let router = Router(context: HummingbirdContext.self)
        router.get("/hello/:name") { _, context in "hello \(context.parameters.get("name") ?? "")" }
        router.get("/id") { _, context in context.requestID }
        router.post("/count") { request, _ in
            var count = 0
            for try await chunk in request.body { count += chunk.readableBytes }
            return "\(count)"
        }
        router.get("/teapot") { _, _ -> String in throw HTTPError(.init(code: 418), message: "short") }
        router.get("/stream") { _, _ async throws in
            Response(
                status: .ok,
                body: .init { writer in
                    for number in 0..<3 { try await writer.write(ByteBuffer(string: "\(number);")) }
                    try await writer.finish(nil)
                }
            )
        }
        routes = HummingbirdResponder(router)
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        try await routes.respond(to: request)
    }
}

extension IntegrationTests {
    @Suite struct HummingbirdRouters {
        @Test(arguments: ways)
        func aRouterAnswersBelowTheApplicationsPrefix(way: Way) async throws {
            try await withApplication(
                Routed.options(placement: way.placement, directIngress: way.isDirect).bind(),
                routePrefix: "/hb"
            ) {
                _,
                _ async throws in
                #expect(try await fetch("/hb/hello/you").text == "hello you")
                #expect(try await fetch("/hb/id", headers: ["x-request-id": "abc"]).text == "abc")
                #expect(
                    try await fetch("/hb/count", method: "POST", body: ByteBuffer(repeating: 1, count: 3 << 20)).text
                        == "\(3 << 20)"
                )
                #expect(try await fetch("/hb/stream").text == "0;1;2;")
                #expect(try await fetch("/hb/nowhere").status == 404)
                let teapot = try await fetch("/hb/teapot")
                #expect(teapot.status == 418)
                #expect(teapot.text.contains("short"))
            }
        }
    }
}
