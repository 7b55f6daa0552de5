import Hummingbird
import NIOCore
import Swerve
import SwerveHTTPTypes
import SwerveHummingbird
import Synchronization
import Testing

/// Requests and answers between Swerve and a Hummingbird router, without an instance.
@Suite struct ResponderTests {
    private func responder(_ add: (Router<HummingbirdContext>) -> Void) -> HummingbirdResponder {
        let router = Router(context: HummingbirdContext.self)
        add(router)
        return HummingbirdResponder(router)
    }

    private func text(of answer: ServeResponse) async throws -> String {
        switch answer.body.storage {
        case .bytes(let bytes): return String(buffer: bytes)
        case .stream(_, let write):
            let collected = Mutex(ByteBuffer())
            try await write(
                HTTPBodyWriter(window: 1 << 20) { part in
                    collected.withLock { _ = $0.writeImmutableBuffer(part) }
                }
            )
            return collected.withLock { String(buffer: $0) }
        }
    }

    @Test func `the router sees the path below the prefix, the query, headers and the request id`() async throws {
        let responder = responder { router in
            router.get("/hello/:name") { request, context in
                let name = try context.parameters.require("name")
                let query = request.uri.queryParameters["a"].map(String.init) ?? ""
                let header = request.headers[values: .init("x-many")!].joined(separator: "+")
                return "\(name) \(query) \(header) \(context.requestID)"
            }
        }
        let request = try ServeRequest(
            path: "/app/hello/you?a=b",
            headers: ["x-many": "1", "x-many": "2"],
            rootPath: "/app",
            requestID: "id-1"
        )
        let answer = try await responder.respond(to: request)
        #expect(answer.status == .ok)
        #expect(try await text(of: answer) == "you b 1+2 id-1")
    }

    @Test func `bodies go in and come out as streams`() async throws {
        let responder = responder { router in
            router.post("/twice") { request, _ async throws in
                let body = request.body
                return Response(
                    status: .created,
                    headers: [.contentType: "text/plain"],
                    body: ResponseBody { writer in
                        for try await part in body {
                            try await writer.write(part)
                            try await writer.write(part)
                        }
                        try await writer.finish(nil)
                    }
                )
            }
        }
        let answer = try await responder.respond(
            to: try ServeRequest(method: .post, path: "/twice", body: HTTPBody(ByteBuffer(string: "ab")))
        )
        #expect(answer.status == .created)
        #expect(answer.headers["content-type"] == "text/plain")
        #expect(try await text(of: answer) == "abab")
    }

    @Test func `the router answers an error of Hummingbird's`() async throws {
        let responder = responder { router in
            router.get("/teapot") { _, _ -> String in throw HTTPError(.init(code: 418), message: "short") }
        }
        let answer = try await responder.respond(to: try ServeRequest(path: "/teapot"))
        #expect(answer.status == HTTPStatus(418))
        #expect(try await text(of: answer).contains("short"))
    }

    @Test func `other errors are thrown on`() async throws {
        let responder = responder { router in
            router.get("/fail") { _, _ -> String in throw ServeHTTPError(.conflict, "twice") }
        }
        await #expect(throws: ServeHTTPError(.conflict, "twice")) {
            _ = try await responder.respond(to: try ServeRequest(path: "/fail"))
        }
    }

    @Test func `a path without a route is not found`() async throws {
        let responder = responder { _ in }
        #expect(try await responder.respond(to: try ServeRequest(path: "/nowhere")).status == .notFound)
    }
}
