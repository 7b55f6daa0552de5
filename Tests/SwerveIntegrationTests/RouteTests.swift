import NIOCore
import Swerve
import TestSupport
import Testing

/// An ingress with routes of several methods and paths.
@Deployment
distributed actor Shelf: RoutedIngress {
    private var books: [String: String] = [:]

    static let routes: HTTPRoutes<Shelf> = [
        .get("/books/{title}") { shelf, request in try shelf.book(request.parameters["title"] ?? "") },
        .put("/books/{title}") { shelf, request in
            shelf.books[request.parameters["title"] ?? ""] = try await request.body.text()
            return ServeResponse(status: .noContent)
        },
        .get("/books/count") { shelf, _ in .text("\(shelf.books.count)") },
        .on("LOCK", "/books/{title}") { _, _ in .text("locked") },
        .post { _, request in .text("posted to \(request.path) as \(request.rawPath)") },
    ]

    private func book(_ title: String) throws -> ServeResponse {
        guard let book = books[title] else { throw ServeHTTPError(.notFound, "no book '\(title)'") }
        return .text(book)
    }
}

/// An ingress with a route for `OPTIONS` that needs its parameter.
@Deployment
distributed actor Asked: RoutedIngress {
    static let routes: HTTPRoutes<Asked> = [
        .on(.options, "/books/{title}") { _, request in .text(request.parameters["title"] ?? "no title") },
        .put("/other") { _, _ in .text("put") },
    ]
}

/// An ingress with two routes for the same requests.
@Deployment
distributed actor Undecided: RoutedIngress {
    static let routes: HTTPRoutes<Undecided> = [
        .get("/a/{x}") { _, _ in .text("1") }, .get("/a/{y}") { _, _ in .text("2") },
    ]
}

extension IntegrationTests {
    @Suite struct Routes {
        private func withShelf(
            _ way: Way,
            _ body: () async throws -> Void
        ) async throws {
            let shelf = Shelf.options(placement: way.placement, directIngress: way.isDirect).bind()
            try await withApplication(shelf, routePrefix: "/größe") { _, name async throws in
                try await eventuallyHealthy(name, way)
                try await body()
            }
        }

        @Test(arguments: ways)
        func methodsAndPathsFindTheirRoutes(way: Way) async throws {
            try await withShelf(way) {
                let stored = try await fetch(
                    "/gr%C3%B6%C3%9Fe/books/a%2Fb",
                    method: "PUT",
                    body: ByteBuffer(string: "text")
                )
                #expect(stored.status == 204)
                #expect(try await fetch("/gr%c3%b6%c3%9fe/books/a%2fb").text == "text")
                #expect(try await fetch("/gr%C3%B6%C3%9Fe/%62ooks/count").text == "1")
                #expect(try await fetch("/gr%C3%B6%C3%9Fe/books/a%2Fb", method: "LOCK").text == "locked")
                let posted = try await fetch("/gr%C3%B6%C3%9Fe/%73egment", method: "POST")
                #expect(posted.text == "posted to /segment as /%73egment")
            }
        }

        @Test(arguments: ways)
        func headAnswersAsGetWithoutContent(way: Way) async throws {
            try await withShelf(way) {
                try await Connection.open { connection async throws in
                    try await connection.send(
                        "HEAD /gr%C3%B6%C3%9Fe/books/count HTTP/1.1\r\nhost: x\r\n\r\n"
                            + "GET /gr%C3%B6%C3%9Fe/books/count HTTP/1.1\r\nhost: x\r\n\r\n"
                    )
                    let head = try await connection.head()
                    #expect(head.status == 200)
                    #expect(head.headers["content-length"] == "1")
                    #expect(try await connection.response().text == "0")
                }
            }
        }

        @Test(arguments: ways)
        func otherMethodsAreRefusedWithWhatIsAllowed(way: Way) async throws {
            try await withShelf(way) {
                for method in ["DELETE", "PATCH", "TRACE"] {
                    let refused = try await fetch("/gr%C3%B6%C3%9Fe/books/x", method: method)
                    #expect(refused.status == 405)
                    #expect(refused.headers["allow"] == "GET, HEAD, LOCK, OPTIONS, POST, PUT")
                }
                let options = try await fetch("/gr%C3%B6%C3%9Fe/other", method: "OPTIONS")
                #expect(options.status == 204)
                #expect(options.headers["allow"] == "OPTIONS, POST")
                #expect(try await fetch("/gr%C3%B6%C3%9Fe", method: "BREW").status == 501)
                #expect(try await fetch("/gr%C3%B6%C3%9Fe", method: "LOCK").status == 405)
            }
        }

        @Test(arguments: ways)
        func aQuestionAboutAllPathsIsAnsweredWithAllMethods(way: Way) async throws {
            let asked = Asked.options(placement: way.placement, directIngress: way.isDirect).bind()
            try await withApplication(asked, routePrefix: "/") { _, name async throws in
                try await eventuallyHealthy(name, way)
                try await Connection.open { connection async throws in
                    try await connection.send("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n")
                    let answer = try await connection.response()
                    #expect(answer.status == 204)
                    #expect(answer.headers["allow"] == "OPTIONS, PUT")
                }
                #expect(try await fetch("/books/x", method: "OPTIONS").text == "x")
            }
        }

        @Test func twoRoutesForTheSameRequestsAreRefused() async throws {
            let error = try await #require(throws: ServeError.self) {
                try await instance.run(Undecided.bind(), name: "undecided", routePrefix: "/undecided")
            }
            #expect(error.code == .invalidOptions)
            #expect(error.message.contains("two routes answer GET /a/{y}"))
        }

        @Test func aPrefixThatNoRequestCanHaveIsRefused() async throws {
            for prefix in ["/a?b", "/-/x", "/a/../b", "/%"] {
                let error = try await #require(throws: ServeError.self) {
                    try await instance.run(Shelf.bind(), name: "unreachable", routePrefix: prefix)
                }
                #expect(error.code == .invalidOptions)
            }
        }

        @Test(arguments: [Way.inProcess, .direct])
        func theProxysOwnPagesAnswerGetAlone(way: Way) async throws {
            try await withShelf(way) {
                let refused = try await fetch("/-/healthz", method: "DELETE")
                #expect(refused.status == 405)
                #expect(refused.headers["allow"] == "GET, HEAD, OPTIONS")
                #expect(try await fetch("/%2D/healthz").text == "success\n")
            }
        }

        @Test(arguments: ways)
        func anApplicationsOptionAllowsOtherOrigins(way: Way) async throws {
            let cors = CORS(origins: ["https://a.example"], methods: ["PUT"])
            let shelf = Shelf.options(placement: way.placement, directIngress: way.isDirect).bind()
            try await instance.run(shelf, name: "shared", routePrefix: "/shared", cors: cors)
            if way.isDirect { try await eventuallyDirect(instance, "shared") }
            let origin = ["origin": "https://a.example"]
            let asked = origin.merging(["access-control-request-method": "PUT"]) { $1 }
            let preflight = try await fetch("/shared/books/x", method: "OPTIONS", headers: asked)
            #expect(preflight.status == 204)
            #expect(preflight.headers["access-control-allow-methods"] == "PUT")
            // Also errors can be read, whoever gives them.
            for (path, status) in [("/shared/books/count", 200), ("/shared/books/none", 404), ("/shared/none", 405)] {
                let answer = try await fetch(path, headers: origin)
                #expect(answer.status == status)
                #expect(answer.headers["access-control-allow-origin"] == "https://a.example")
                #expect(answer.headers["vary"] == "origin")
            }
            // The next request on the connection has no headers of this one.
            #expect(try await fetch("/-/healthz", headers: origin).headers["access-control-allow-origin"] == nil)
            try await instance.delete("shared")
        }
    }
}
