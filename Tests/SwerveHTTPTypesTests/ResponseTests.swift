import NIOCore
import SwerveCore
import SwerveHTTPTypes
import Testing

@Suite struct ResponseTests {
    @Test func `headers that the server owns or that concern one hop are left out`() throws {
        var buffer = ByteBuffer()
        let headers: HTTPHeaders = [
            "Content-Length": "7", "transfer-encoding": "chunked", "CONNECTION": "close", "Date": "x",
            "x-request-id": "y", "upgrade": "z", "x": "kept",
        ]
        try headers.encodeBlock(into: &buffer)
        #expect(String(buffer: buffer) == "x: kept\r\n")
    }

    @Test(arguments: [
        ("x", "a\r\nset-cookie: b"), ("x", "a\nb"), ("x", "a\r"), ("x", "a\0b"), ("x\r\ny", "a"), ("x y", "a"),
        ("", "a"), ("x:", "a"), ("connection\r\n", "a"), ("date", "\r\n"),
    ])
    func `a header that would inject something is refused and nothing is written`(name: String, value: String) {
        var buffer = ByteBuffer(string: "before")
        let headers = HTTPHeaders([("good", "1"), (name, value)])
        #expect(throws: HTTPHeaderError.self) { try headers.encodeBlock(into: &buffer) }
        #expect(String(buffer: buffer) == "before")
    }

    @Test func `headers are replaced and removed regardless of case`() {
        var headers: HTTPHeaders = ["A": "1", "b": "2", "a": "3"]
        #expect(headers["a"] == "1")
        #expect(headers.values(of: "a") == ["1", "3"])
        headers.replace("a", "4")
        #expect(headers.values(of: "A") == ["4"])
        headers["B"] = nil
        #expect(!headers.contains("b"))
        #expect(headers.map(\.name) == ["a"])
    }

    @Test(
        arguments: [(ServeError.Code, UInt16)](
            arrayLiteral: (.notFound, 404),
            (.deadlineExceeded, 504),
            (.tooLarge, 413),
            (.invalidArgument, 422),
            (.queueFull, 503),
            (.unavailable, 503),
            (.deleted, 503),
            (.shutDown, 503),
            (.replicaLost, 502),
            (.unencodable, 500),
            (ServeError.Code(rawValue: "later"), 500)
        )
    )
    func `each error code of Swerve has its status`(code: ServeError.Code, status: UInt16) {
        #expect(HTTPStatus(for: ServeError(code, "m")).code == status)
    }

    @Test func `errors become responses, and details of unknown ones stay hidden`() throws {
        struct Secret: Error {}
        #expect(
            text(ServeResponse(for: ServeHTTPError(404, "no \"cat\"\n")))
                == #"{"error":"no \"cat\"\u000a","status":404}"#
                + "\n"
        )
        #expect(ServeResponse(for: ServeError(.queueFull, "full")).headers["retry-after"] == "1")
        #expect(!text(ServeResponse(for: Secret())).contains("Secret"))
        #expect(text(ServeResponse(for: Secret(), showDetails: true)).contains("Secret"))
        #expect(!text(ServeResponse(for: ServeError(.system, "path /secret"))).contains("secret"))
    }

    @Test func `an error says when to try again, and status 503 does so in any case`() {
        struct Busy: ServeHTTPErrorConvertible {
            var retryAfter: Duration?
            var httpError: ServeHTTPError? { ServeHTTPError(.serviceUnavailable, "busy", retryAfter: retryAfter) }
        }
        func retryAfter(_ error: any Error) -> String? { ServeResponse(for: error).headers["retry-after"] }
        #expect(retryAfter(ServeHTTPError(.serviceUnavailable)) == "1")
        #expect(retryAfter(ServeHTTPError(.serviceUnavailable, retryAfter: .milliseconds(2100))) == "3")
        #expect(retryAfter(ServeHTTPError(.tooManyRequests, retryAfter: .seconds(7))) == "7")
        #expect(retryAfter(ServeHTTPError(.tooManyRequests)) == nil)
        #expect(retryAfter(Busy()) == "1")
        #expect(retryAfter(Busy(retryAfter: .seconds(4))) == "4")
        #expect(retryAfter(ServeError(.unavailable, "none")) == "5")
        #expect(retryAfter(ServeError(.shutDown, "over")) == "1")
        #expect(retryAfter(ServeError(.overloaded, "busy", retryAfter: .seconds(9))) == "9")
        // Waiting does not help.
        #expect(retryAfter(ServeError(.deleted, "gone")) == nil)
        #expect(retryAfter(ServeError(.notRunning, "not yet")) == nil)
    }

    @Test func `a value is sent as JSON`() throws {
        let response = try ServeResponse.json(["a": 1], status: .accepted)
        #expect(text(response) == #"{"a":1}"#)
        #expect(response.headers["content-type"] == "application/json")
        #expect(response.status == .accepted)
    }

    private func text(_ response: ServeResponse) -> String {
        String(buffer: response.body.completeBytes ?? ByteBuffer())
    }
}

@Suite struct VaryTests {
    @Test func `a header that an answer depends on is named once`() {
        let response = ServeResponse.text("a").varying(by: "accept").varying(by: "Accept").varying(
            by: "accept-encoding"
        )
        #expect(response.headers.values(of: "vary") == ["accept", "accept-encoding"])
    }

    @Test(arguments: ["*", "Accept", "origin,accept", "origin, accept\t"])
    func `an answer that says so itself stays as it is`(vary: String) {
        let response = ServeResponse(headers: ["vary": vary])
        #expect(response.varying(by: "accept").headers.values(of: "vary") == [vary])
    }
}

@Suite struct JSONTests {
    struct Order: Codable, Equatable {
        struct Item: Codable, Equatable {
            var name: String
            var count: Int
        }
        var items: [Item]
    }

    private func decode(_ text: String, contentType: String? = "application/json", maxBytes: Int = 1000) async throws
        -> Order
    {
        var headers = HTTPHeaders()
        headers["content-type"] = contentType
        let request = try ServeRequest(method: .post, headers: headers, body: HTTPBody(text))
        return try await request.decodeJSON(maxBytes: maxBytes)
    }

    @Test(arguments: [
        "application/json", "Application/JSON; charset=utf-8", "application/problem+json", nil,
        "application/json; charset", "application/json, application/json",
    ])
    func `JSON is decoded`(contentType: String?) async throws {
        let order = try await decode(#"{"items":[{"name":"a","count":2}]}"#, contentType: contentType)
        #expect(order == Order(items: [.init(name: "a", count: 2)]))
    }

    @Test(arguments: [
        (#"{"items":[{"name":"a","count":2},{"name":"b"}]}"#, 422, "items[1].count"),
        (#"{"items":[{"name":1,"count":2}]}"#, 422, "items[0].name"),
        (#"{"items":null}"#, 422, "items"), (#"[]"#, 422, "the body"), (#"{"items":"#, 400, "not valid JSON"),
        ("", 400, "not valid JSON"),
    ])
    func `a decoding error names the field`(text: String, status: UInt16, part: String) async throws {
        let error = await #expect(throws: ServeHTTPError.self) { try await decode(text) }
        #expect(error?.status.code == status)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func `content of another type is refused with 415`() async throws {
        for type in ["text/plain", "text/plain; charset", "text/plain, application/json", "json"] {
            let error = await #expect(throws: ServeHTTPError.self) { try await decode("{}", contentType: type) }
            #expect(error?.status == .unsupportedMediaType)
        }
    }

    @Test func `content over the limit is refused with code tooLarge`() async throws {
        await expectCode(.tooLarge) { _ = try await decode(#"{"items":[]}"#, maxBytes: 5) }
    }
}
