import NIOCore
import SwerveCore
import SwerveHTTPTypes
import Testing

@Suite struct RequestTests {
    @Test func `the path is what follows the route prefix`() throws {
        let request = try ServeRequest(path: "/app/a%20b/c?x=1", rootPath: "/app")
        #expect(request.path == "/a%20b/c")
        #expect(request.decodedPath == "/a b/c")
        #expect(request.rootPath == "/app")
        #expect(request.target == "/app/a%20b/c?x=1")
        #expect(request.query == "x=1")
    }

    @Test func `a request for the prefix itself has a slash as its path`() throws {
        #expect(try ServeRequest(path: "/app", rootPath: "/app").path == "/")
        #expect(try ServeRequest(path: "/app?x", rootPath: "/app").path == "/")
    }

    @Test func `a slash at the end of the route prefix means nothing`() throws {
        #expect(try ServeRequest(path: "/x", rootPath: "/").path == "/x")
        #expect(try ServeRequest(path: "/x", rootPath: "/").rootPath == "")
        #expect(try ServeRequest(path: "/app/x", rootPath: "/app/").path == "/x")
        #expect(try ServeRequest(path: "/app/x", rootPath: "/app/").rootPath == "/app")
        #expect(throws: ServeHTTPError.self) { try ServeRequest(path: "/apps", rootPath: "/app/") }
    }

    @Test func `no query and an empty query differ`() throws {
        #expect(try ServeRequest(path: "/a").query == nil)
        #expect(try ServeRequest(path: "/a?").query == "")
    }

    @Test func `query fields are decoded like those of a form`() throws {
        let request = try ServeRequest(path: "/?a=1+2&b=%C3%A9&&c&a=3&bad=%zz%4")
        #expect(request.queryItems.map(\.name) == ["a", "b", "c", "a", "bad"])
        #expect(request.queryItems.map(\.value) == ["1 2", "é", "", "3", "%zz%4"])
        #expect(request.queryValue("a") == "1 2")
        #expect(request.queryValue("none") == nil)
    }

    @Test func `bytes that are not UTF-8 are repaired`() throws {
        #expect(try ServeRequest(path: "/%FF").decodedPath == "/\u{FFFD}")
    }

    @Test func `headers are found regardless of case`() throws {
        let request = try ServeRequest(
            headers: HTTPHeaders([("Accept", "a"), ("X-A", "  spaced\t"), ("accept", "b"), ("Empty", "")])
        )
        #expect(request.headers["ACCEPT"] == "a")
        #expect(request.headers.values(of: "Accept") == ["a", "b"])
        #expect(request.headers["x-a"] == "spaced")
        #expect(request.headers["empty"] == "")
        #expect(request.headers["accep"] == nil)
        #expect(request.headers.contains("EMPTY"))
        #expect(!request.headers.contains("none"))
        #expect(request.headers.map(\.name) == ["Accept", "X-A", "accept", "Empty"])
    }

    @Test(arguments: ["a\r\nb: c", "a\nb", "a\0", "\u{7F}"])
    func `a header value that would break the head is refused`(value: String) {
        #expect(throws: HTTPHeaderError.self) { try ServeRequest(headers: ["x": value]) }
    }

    @Test(arguments: ["", "a b", "a:", "a\r\n", "é"])
    func `a header name that is not a token is refused`(name: String) {
        #expect(throws: HTTPHeaderError.self) { try ServeRequest(headers: HTTPHeaders([(name, "v")])) }
    }

    @Test(arguments: ["", "a", "/a b", "/a\r\nx: y", "/é", "/#a", "*", "http://a/"])
    func `a path that is not valid on a request line is refused`(path: String) {
        #expect(throws: ServeHTTPError.self) { try ServeRequest(path: path) }
    }

    @Test(arguments: ["", "GET ", "G\r\nT", "GÉT"])
    func `a method that is not a token is refused`(method: String) {
        #expect(throws: ServeHTTPError.self) { try ServeRequest(method: HTTPMethod(rawValue: method)) }
    }

    @Test func `a head survives the trip to another process`() throws {
        var request = try ServeRequest(
            method: .post,
            path: "/app/x?q",
            headers: ["a": "1"],
            rootPath: "/app",
            requestID: "id-1"
        )
        request.head.flags = HTTPRequestHead.Flags(isHTTP10: true)
        var buffer = ByteBuffer(string: "before")
        request.head.encode(into: &buffer)
        buffer.writeString("after")
        buffer.moveReaderIndex(forwardBy: 6)
        let head = try HTTPRequestHead.decode(from: &buffer)
        let copy = ServeRequest(head: head, body: .empty)
        #expect(copy.method == .post)
        #expect(copy.path == "/x")
        #expect(copy.rootPath == "/app")
        #expect(copy.query == "q")
        #expect(copy.headers["a"] == "1")
        #expect(copy.requestID == "id-1")
        #expect(head.flags.isHTTP10)
        #expect(String(buffer: buffer) == "after")
        #expect(head.compacted().bytes == head.bytes)
    }

    @Test func `a head with damaged bytes is refused and never traps`() throws {
        var whole = ByteBuffer()
        try ServeRequest(path: "/app/x?q", headers: ["a": "1"], rootPath: "/app", requestID: "id").head.encode(
            into: &whole
        )
        for length in 0..<whole.readableBytes {
            var cut = whole
            cut.moveWriterIndex(to: length)
            #expect(throws: ServeError.self) { try HTTPRequestHead.decode(from: &cut) }
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            var damaged = whole
            let position = Int.random(in: 0..<34, using: &random)
            damaged.setInteger(UInt8.random(in: .min ... .max, using: &random), at: position)
            guard let head = try? HTTPRequestHead.decode(from: &damaged) else { continue }
            let request = ServeRequest(head: head, body: .empty)
            _ = (request.path, request.rootPath, request.query, request.target, request.method, request.headers["a"])
            _ = Array(request.headers)
        }
    }
}
