import NIOCore
import SwerveActors
import SwerveHTTPTypes
import Testing

@Suite struct ResponseHeadTests {
    @Test func `a head has the status and the header lines`() throws {
        var response = ServeResponse.text("hi", status: .created)
        response.headers.add("set-cookie", "a=1")
        response.headers.add("set-cookie", "b=2")
        let head = try ResponseHead(response)
        #expect(head.status == 201)
        #expect(
            String(buffer: head.headerBlock)
                == "content-type: text/plain; charset=utf-8\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
        )
    }

    @Test func `a header that must not go on the wire is an error`() {
        let response = ServeResponse(headers: HTTPHeaders([("x", "a\r\nset-cookie: b")]))
        #expect(throws: HTTPHeaderError.self) { try ResponseHead(response) }
    }

    @Test func `more header lines than a frame should carry are an error`() {
        let value = String(repeating: "x", count: StreamLimits.maximumHeaderBytes)
        let response = ServeResponse(headers: HTTPHeaders([("a", "b"), ("long", value)]))
        let error = #expect(throws: HTTPHeaderError.self) { try ResponseHead(response) }
        #expect(error?.description == "the response header 'long' makes the headers longer than 262144 bytes")
    }

    @Test(arguments: [UInt16](arrayLiteral: 0, 100, 101, 199, 600, 999))
    func `a status that is none is 500`(code: UInt16) throws {
        #expect(try ResponseHead(ServeResponse(status: HTTPStatus(code))).status == 500)
    }
}
