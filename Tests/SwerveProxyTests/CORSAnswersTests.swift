import NIOCore
import SwerveCore
import SwerveHTTPTypes
import Testing

@testable import SwerveProxy

@Suite struct CORSAnswersTests {
    private static let some = CORSAnswers(CORS(origins: ["https://a.example"], allowsCredentials: true))
    private static let all = CORSAnswers(CORS(origins: ["*"], headers: ["*"], exposedHeaders: []))

    @Test func `an allowed origin is named and may send credentials`() {
        #expect(
            String(buffer: Self.some.lines(for: "https://a.example"))
                == "access-control-allow-origin: https://a.example\r\nvary: origin\r\n"
                + "access-control-allow-credentials: true\r\naccess-control-expose-headers: x-request-id\r\n"
        )
    }

    @Test(arguments: ["https://b.example", "https://a.example.evil", "null", nil])
    func `another origin gets nothing but a note for caches`(origin: String?) {
        #expect(String(buffer: Self.some.lines(for: origin)) == "vary: origin\r\n")
    }

    @Test func `the wildcard is the same for every origin`() {
        #expect(String(buffer: Self.all.lines(for: "https://b.example")) == "access-control-allow-origin: *\r\n")
    }

    private static func preflight(_ answers: CORSAnswers, origin: String, method: HTTPMethod = .options) throws
        -> String?
    {
        let headers: HTTPHeaders = ["origin": origin, "access-control-request-method": "POST"]
        return answers.preflight(try ServeRequest(method: method, headers: headers).head)
            .map { "\($0.status) \(String(buffer: $0.lines))" }
    }

    @Test func `a preflight request is told what is allowed`() throws {
        #expect(
            try Self.preflight(Self.some, origin: "https://a.example")
                == "204 access-control-allow-methods: GET, HEAD, POST\r\naccess-control-allow-headers: content-type\r\n"
                + "access-control-max-age: 600\r\n"
        )
        #expect(try #require(try Self.preflight(Self.all, origin: "null")).contains("headers: *, authorization\r\n"))
    }

    @Test func `a preflight request of another origin is refused`() throws {
        #expect(try Self.preflight(Self.some, origin: "https://b.example") == "403 ")
    }

    @Test func `other requests are no preflight requests`() throws {
        #expect(try Self.preflight(Self.all, origin: "null", method: .post) == nil)
        let plain = try ServeRequest(method: .options, headers: ["origin": "https://a.example"])
        #expect(Self.some.preflight(plain.head) == nil)
    }

    @Test func `what the application's code says about origins is dropped`() {
        let block = ByteBuffer(string: "a: b\r\nAccess-Control-Allow-Origin: *\r\nc: d\r\n")
        #expect(String(buffer: CORSAnswers.stripped(block)) == "a: b\r\nc: d\r\n")
    }
}
