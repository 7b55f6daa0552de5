import Foundation
import NIOCore
import SwerveHTTPTypes
import TestSupport
import Testing

@Suite struct MultipartTests {
    private static func parse(
        _ text: String,
        limits: MultipartLimits = MultipartLimits()
    ) throws -> MultipartForm {
        try MultipartForm(ByteBuffer(string: text), boundary: "XX", limits: limits)
    }

    private static func part(_ headers: String, _ body: String = "b") -> String {
        "--XX\r\n\(headers)\r\n\r\n\(body)\r\n--XX--\r\n"
    }

    private static let named = "Content-Disposition: form-data; name=\"n\""

    @Test func `fields and files keep their order, names, types and bytes`() throws {
        let form = try Self.parse(
            "--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n"
                + "--XX\r\ncontent-type: image/png\r\nCONTENT-DISPOSITION: Form-Data; Name=f; FileName=\"a b.png\"\r\n"
                + "X-More: 1\r\n\r\n\r\n--XY\r\n\r--X\r\n\r\n--XX\r\n\(Self.named)\r\n\r\n\r\n--XX--"
        )
        #expect(form.parts.map(\.name) == ["text", "f", "n"])
        #expect(form.parts.map(\.filename) == [nil, "a b.png", nil])
        #expect(form.parts.map(\.contentType) == [nil, "image/png", nil])
        let bodies = form.parts.map { String(buffer: $0.body) }
        #expect(bodies == ["hello", "\r\n--XY\r\n\r--X\r\n", ""])
        #expect(form.files.map(\.name) == ["f"])
        #expect(form["n"] == form.parts[2])
        #expect(form["N"] == nil)
    }

    @Test func `a form without parts is valid`() throws {
        #expect(try Self.parse("--XX--\r\n").parts.isEmpty)
    }

    @Test func `quotes in names are read as browsers and curl write them`() throws {
        let headers = #"Content-Disposition: form-data; name="a\"b"; filename="C:\dir\\x é;.png""#
        let part = try Self.parse(Self.part(headers)).parts[0]
        #expect(part.name == #"a"b"#)
        #expect(part.filename == #"C:\dir\x é;.png"#)
    }

    @Test(
        arguments: [
            "", "--X", "--XX", "--XX\r\n", "--XY\r\n", "--XX --", "--XX x\r\n--XX", "hello--XX--\r\n",
            "--XX\n\(named)\n\nb\n--XX--\n", "--XX\r\n\(named)\r\n\r\nb\r\n", "--XX\r\n\(named)\r\n\r\nb--XX--\r\n",
            "--XX\r\n\(named)\r\n\r\nb\r\n--XX", "--XX\r\n\(named)\r\n\r\nb\r\n--XX-", part("content-type: text/plain"),
            part("\(named)\r\n\(named)"), part("\(named)\r\n folded"), part("\(named)\r\nno colon"),
            part("\(named)\r\nbad name: 1"), part("\(named)\r\n: 1"), part("\(named)\r\na: \u{1}"),
            part("\(named)\r\ncontent-transfer-encoding: base64"), part("\(named); name=\"m\""),
            part("\(named)\r\ncontent-type: a/b\r\ncontent-type: a/b"),
            part("Content-Disposition: form-data; name=\"n"),
            part("Content-Disposition: form-data; name="), part("Content-Disposition: form-data; name"),
            part("Content-Disposition: form-data; =n"), part("Content-Disposition: attachment; name=n"),
            part("Content-Disposition: form-data; name=\"n\"x"), part("Content-Disposition: form-data"),
            part("\(named); filename=a; filename=b"), part("\(named); filename*=UTF-8''a; filename*=UTF-8''b"),
            part("\(named); filename*0=a; filename*1=b"), part("\(named); filename*0*=UTF-8''a"),
        ]
    )
    func `a malformed form is refused`(_ text: String) {
        let error = #expect(throws: ServeHTTPError.self) { try Self.parse(text) }
        #expect(error?.status == .badRequest)
        #expect(error?.message.hasPrefix("multipart form: ") == true)
    }

    @Test func `a form that is cut anywhere before its last line end is refused`() throws {
        let whole = Array(Self.part("\(Self.named); filename=a\r\ncontent-type: a/b", "b\r\nb").utf8)
        for length in 0..<(whole.count - 2) {
            #expect(throws: ServeHTTPError.self) {
                try MultipartForm(ByteBuffer(bytes: whole[..<length]), boundary: "XX")
            }
        }
        #expect(try MultipartForm(ByteBuffer(bytes: whole), boundary: "XX").parts.count == 1)
    }

    struct Read: Decodable, Sendable {
        struct Part: Decodable, Hashable, Sendable {
            var name: String
            var filename: String?
            var type: String?
            var body: Data
        }
        var name: String
        var body: Data
        /// `nil` if the form is refused.
        var parts: [Part]?
    }

    @Test func `forms are read as werkzeug reads them, and refused where it refuses them`() throws {
        for each in try Golden.content("forms", as: [Read].self) {
            let form = try? MultipartForm(ByteBuffer(bytes: each.body), boundary: "XX")
            let parts = form?.parts.map {
                Read.Part(
                    name: $0.name,
                    filename: $0.filename,
                    type: $0.contentType,
                    body: Data($0.body.readableBytesView)
                )
            }
            #expect(parts == each.parts, "\(each.name)")
        }
    }

    @Test(
        arguments: [
            ("filename*=UTF-8''b; filename=a", "b"), ("filename=a; filename*=koi8-r''%c1", "a"),
            ("filename*=koi8-r''%c1", "koi8-r''%c1"), ("filename*=UTF-8''", ""), ("filename*=\"UTF-8''a%20b\"", "a b"),
        ]
    )
    func `a file's name in the extended notation wins if it can be read`(_ parameters: String, _ name: String) throws {
        #expect(try Self.parse(Self.part("\(Self.named); \(parameters)")).parts[0].filename == name)
    }

    @Test func `a form in the middle of a buffer is read`() throws {
        var buffer = ByteBuffer(string: "before" + Self.part(Self.named, "body"))
        buffer.moveReaderIndex(forwardBy: 6)
        #expect(try MultipartForm(buffer, boundary: "XX")["n"]?.body == ByteBuffer(string: "body"))
    }

    @Test func `each limit is enforced`() throws {
        let two = "--XX\r\n\(Self.named)\r\n\r\n1\r\n" + Self.part("\(Self.named)\r\na: b")
        #expect(try Self.parse(two, limits: MultipartLimits(maximumParts: 2, maximumHeaders: 2)).parts.count == 2)
        for limits in [
            MultipartLimits(maximumParts: 1), MultipartLimits(maximumHeaders: 1),
            MultipartLimits(maximumHeaderBytes: 40),
            MultipartLimits(maximumHeaderBytes: -1),
        ] {
            let error = #expect(throws: ServeHTTPError.self) { try Self.parse(two, limits: limits) }
            #expect(error?.status == .contentTooLarge)
        }
        #expect(try Self.parse(two, limits: MultipartLimits(maximumHeaderBytes: .max)).parts.count == 2)
    }

    @Test func `the boundary comes from the content type`() async throws {
        let longest = String(repeating: "x", count: 70)
        for (type, boundary) in [
            ("multipart/form-data; boundary=abc", "abc"),
            ("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b\"; ", "a b"),
            ("multipart/form-data; boundary=\(longest)", longest),
        ] {
            #expect(try MultipartForm.boundary(ofContentType: type) == boundary)
        }
        for (type, status) in [
            ("multipart/mixed; boundary=a", HTTPStatus.unsupportedMediaType), ("", .unsupportedMediaType),
            ("multipart/form-data", .badRequest), ("multipart/form-data; boundary=", .badRequest),
            ("multipart/form-data; boundary=\"\"", .badRequest), ("multipart/form-data; boundary=\"a \"", .badRequest),
            ("multipart/form-data; boundary=\(longest)x", .badRequest),
            ("multipart/form-data; boundary=ü", .badRequest),
            ("multipart/form-data; boundary=a; boundary=b", .badRequest),
        ] {
            let error = #expect(throws: ServeHTTPError.self) { try MultipartForm.boundary(ofContentType: type) }
            #expect(error?.status == status, "\(type)")
        }
    }

    @Test func `a request's body is read as a form, within its limit`() async throws {
        func request() throws -> ServeRequest {
            try ServeRequest(
                method: .post,
                headers: ["content-type": "multipart/form-data; boundary=XX"],
                body: HTTPBody(ByteBuffer(string: Self.part(Self.named, "body")))
            )
        }
        #expect(try request().isMultipartForm)
        #expect(try await request().multipartForm()["n"]?.body == ByteBuffer(string: "body"))
        let error = await #expect(throws: (any Error).self) { try await request().multipartForm(upTo: 20) }
        #expect(error.map { ServeResponse(for: $0).status } == .contentTooLarge)
        #expect(try !ServeRequest(headers: ["content-type": "text/plain"]).isMultipartForm)
    }
}
