import NIOCore
import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    /// Graphs over HTTP.
    @Suite struct GraphHTTPTests {
        private func withRoutes(
            _ placement: DeploymentOptions.Placement,
            _ body: (GraphDriver<RouteInput, RouteOutput>, String) async throws -> Void
        ) async throws {
            let steps = Steps.options(placement: placement).bind(journal: Journal.options(placement: placement).bind())
            let request = InputNode<Request>()
            let number = InputNode<Int>()
            let raw = InputNode<RawRequest>()
            let file = InputNode<UploadedFile>()
            let routes: [String: any GraphRouteConvertible] = [
                "/grown": steps.nodes.grown(request),
                "/query": steps.nodes.grown(InputNode<Filter>()[\.asRequest]).route(QueryAdapter<Filter>()),
                "/add": steps.nodes.add(number),
                "/text": steps.nodes.text(number),
                "/body": raw[\.body],
                "/file": file[\.content],
                "/range": InputNode<Window>()[\.range.lowerBound].route(QueryAdapter<Window>()),
                "/first": InputNode<[Int]>().element(at: 1),
                "/refuse": steps.nodes.refuse(number),
                "/secret": steps.nodes.failOpaquely(number),
            ]
            let driver = GraphDriver.bind(routes, options: DeploymentOverrides(placement: placement))
            let prefix = "/graph-\(placement)"
            try await withApplication(driver, routePrefix: prefix) { handle, _ in try await body(handle, prefix) }
        }

        @Test func `each route runs its own graph`() async throws {
            // In this process, because one part is computed.
            try await withRoutes(.inProcess) { _, prefix in
                let grown = try await post(
                    "\(prefix)/grown",
                    #"{"name":"a","size":{"width":2,"height":3},"quality":"best"}"#
                )
                #expect(grown.headers["content-type"] == "application/json")
                #expect(grown.text.contains(#""width":4"#))
                let query = try await fetch("\(prefix)/query?name=b&width=5&height=1&tag=x&tag=y&quality=draft")
                #expect(query.text.contains(#""width":10"#) && query.text.contains(#"["x","y"]"#), "\(query.text)")
                #expect(try await post("\(prefix)/add", "4").text == "14")
                let text = try await post("\(prefix)/text", "4")
                #expect(text.text == "4" && text.headers["content-type"] == "text/plain; charset=utf-8")
            }
        }

        @Test func `an answer to a wrong input names the mistake and its place`() async throws {
            try await withRoutes(.inProcess) { _, prefix in
                let wrong = try await post("\(prefix)/grown", #"{"name":"a","size":{"width":2,"height":"x"}}"#)
                #expect(wrong.status == 422 && wrong.text.contains("size.height"))
                let missing = try await post("\(prefix)/grown", #"{"size":{"width":2,"height":1}}"#)
                #expect(missing.status == 422 && missing.text.contains("name: the field is missing"))
                #expect(try await post("\(prefix)/grown", "{").status == 400)
                let query = try await fetch("\(prefix)/query?name=b&width=wide&height=1")
                #expect(query.status == 422 && query.text.contains("width"))
                #expect(try await fetch("\(prefix)/query?name=b&width=1").text.contains("height: the field is missing"))
                #expect(try await fetch("\(prefix)/query?name=b&width=1&width=2&height=1").status == 422)
                let range = try await fetch("\(prefix)/range?range=1")
                #expect(range.status == 422 && range.text.contains("more are expected"))
                let path = try await fetch("\(prefix)/nowhere")
                #expect(path.status == 404 && path.text.contains("/add"))
                #expect(try await fetch("\(prefix)/add/").status == 404)
            }
        }

        @Test func `the answer for a failed node has the status of the cause and the node's name`() async throws {
            try await withRoutes(.inProcess) { _, prefix in
                let refused = try await post("\(prefix)/refuse", "1")
                #expect(refused.status == 500 && refused.text.contains("graph node 'Steps.refuse': internal error"))
                let secret = try await post("\(prefix)/secret", "1")
                #expect(secret.status == 500 && !secret.text.contains("42"))
            }
        }

        @Test func `whole requests and files can be inputs`() async throws {
            try await withRoutes(.inProcess) { _, prefix in
                #expect(try await post("\(prefix)/body", "as it is").text.contains("as it is") == false)
                let file = try await post("\(prefix)/file", "content")
                #expect(file.status == 200)
            }
        }

        @Test func `a missing element is the client's mistake`() async throws {
            try await withRoutes(.inProcess) { _, prefix in
                let second = try await post("\(prefix)/first", "[1,2]")
                #expect(second.text == "2")
                let missing = try await post("\(prefix)/first", "[1]")
                #expect(missing.status == 422 && missing.text.contains("graph node 'input[1]'"))
            }
        }

        @Test func `routes and their schemas are listed`() async throws {
            try await withRoutes(.inProcess) { _, prefix in
                let list = try await fetch("/-/routes").text
                #expect(list.contains(#""\#(prefix)":{"application":""#))
                #expect(
                    list.contains(#""/add":{"input":{"type":"integer"},"output":{"type":"integer"}}"#),
                    "\(list)"
                )
                #expect(list.contains(#""enum":["draft","good","best"]"#))
            }
        }

        @Test func `calls of routes from code are checked against the routes' types`() async throws {
            try await withRoutes(.inProcess) { driver, _ in
                let sum: Int = try await driver.predict(route: "/add", 5)
                #expect(sum == 15)
                let wrong = await #expect(throws: ServeError.self) {
                    let _: Int = try await driver.predict(route: "/add", "five")
                }
                #expect(wrong?.message == "the route '/add' takes a Int, not a String")
                let result = await #expect(throws: ServeError.self) {
                    let _: String = try await driver.predict(route: "/add", 5)
                }
                #expect(result?.code == .invalidArgument)
                let unknown = await #expect(throws: ServeError.self) {
                    let _: Int = try await driver.predict(route: "/sub", 5)
                }
                #expect(unknown?.code == .notFound)
            }
        }

        @Test func `a driver in its own process gives the same answers`() async throws {
            let steps = Steps.bind(journal: Journal.bind())
            let input = InputNode<Request>()
            let driver = GraphDriver.bind(steps.nodes.text(steps.nodes.add(input[\.size.width])))
            try await withApplication(driver, routePrefix: "/one") { handle, _ in
                let body = #"{"name":"a","size":{"width":2,"height":3}}"#
                #expect(try await post("/one", body).text == "12")
                #expect(try await post("/one/any/path", body).text == "12")
                #expect(try await post("/one", #"{"name":"a"}"#).status == 422)
                let text = try await handle.predict(Request(name: "", size: .init(width: 1, height: 1)))
                #expect(text == "11")
            }
        }

        @Test func `paths that are no routes are refused when the graph is built`() async throws {
            for path in ["add", "/add/", "/a b", "/a?b"] {
                let error = await #expect(throws: ServeError.self) {
                    let driver = GraphDriver.bind([path: InputNode<Int>()])
                    try await instance.run(driver, name: Instance.newName(), routePrefix: nil)
                }
                #expect(error?.code == .invalidGraph)
            }
        }
    }
}

/// Contains a standard library type that decodes two values from one field.
struct Window: Codable, Hashable {
    var range: ClosedRange<Int>
}

/// The query of the route `/query`.
struct Filter: Codable, Hashable {
    var name: String
    var width: Int
    var height: Int
    var tag: [String]?
    var quality: Request.Quality?

    var asRequest: Request {
        Request(name: name, size: .init(width: width, height: height), quality: quality ?? .good, tags: tag ?? [])
    }
}
