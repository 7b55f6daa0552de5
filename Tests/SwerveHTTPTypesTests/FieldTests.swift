import SwerveHTTPTypes
import Testing

/// Headers that hold lists, and what they say about media types.
@Suite struct FieldTests {
    private static func values(_ lines: String...) -> [String] {
        FieldList(lines).members.map { member in
            let parameters = member.parameters.map { ";\($0.name)=\($0.value)" }.joined()
            return member.weight == 1000
                ? "\(member.value)\(parameters)" : "\(member.value)\(parameters) \(member.weight)"
        }
    }

    @Test func `members come from all lines, in lower case`() {
        #expect(Self.values("GZIP, br;q=0.5", "", " deflate ;Q=0") == ["gzip", "br 500", "deflate 0"])
    }

    @Test func `a comma in quotes separates nothing`() {
        #expect(Self.values(#"text/x;a="1,2;q=0\"",text/y"#) == [#"text/x;a=1,2;q=0""#, "text/y"])
    }

    @Test(arguments: [
        ("a;q=0.123", 123), ("a;q=1", 1000), ("a;q=1.000", 1000), ("a;q=0.", 0), ("a; q=0.1", 100), ("a;q=0", 0),
    ])
    func `a weight has up to three decimals`(line: String, weight: Int) {
        #expect(FieldList(line).members.map(\.weight) == [weight])
    }

    @Test(arguments: [
        "a;q=1.1", "a;q=2", "a;q=-1", "a;q=0.1234", "a;q=.5", "a;q=x", "a b", "a;b", "a;b=", "/b", "a/",
    ])
    func `a malformed member is left out and the next one counts`(line: String) {
        #expect(Self.values(line + ", ok") == ["ok"])
    }

    // With a search for the end at each quote, this line would take hours.
    @Test(.timeLimit(.minutes(2))) func `a quote that does not end takes the rest of the line`() {
        #expect(Self.values(#"ok, a;b="c, more"#) == ["ok"])
        #expect(Self.values("\"" + String(repeating: #"\""#, count: 1 << 20) + ", more", "ok") == ["ok"])
    }

    @Test func `a value without an entry has the weight of the asterisk`() {
        let list = FieldList("gzip;q=0.5, *;q=0")
        #expect(list.weight(of: "gzip") == 500)
        #expect(list.weight(of: "br") == 0)
        #expect(FieldList("gzip").weight(of: "br") == nil)
    }

    // MARK: Media types

    @Test func `a media type has an essence and parameters`() throws {
        let type = try #require(MediaType("Multipart/Form-Data; Boundary=\"a b\"; charset=UTF-8"))
        #expect(type.essence == "multipart/form-data")
        #expect(type[parameter: "boundary"] == "a b")
        #expect(type[parameter: "CHARSET"] == "UTF-8")
        #expect(MediaType("nothing") == nil)
        #expect(MediaType("a/b, c/d") == nil)
    }

    @Test(arguments: [
        ("a/b; c", "a/b"), ("a/b;c=", "a/b"), ("a/b; c=1; d; e=2", "a/b; c=1"), ("a/b; c=\"x", "a/b"),
        ("a/b; c=1 d", "a/b; c=1"), ("a/b;", "a/b"), ("a/b c", nil), ("a/; c=1", nil), ("a b/c; d", nil),
    ])
    func `a media type counts although its parameters are malformed`(text: String, read: String?) {
        #expect(MediaType(text)?.description == read)
    }

    @Test func `of a joined header the first media type counts`() throws {
        let request = try ServeRequest(headers: ["content-type": "text/plain; a=\",\", application/json"])
        #expect(request.contentType?.essence == "text/plain")
        #expect(request.contentType?[parameter: "a"] == ",")
        #expect(try ServeRequest(headers: ["content-type": "nothing"]).contentType == nil)
    }

    @Test(arguments: [#"a/b; c="1 2""#, #"a/b; c="\"\\""#, #"a/b; c="""#, "a/b; c=1; d=2"])
    func `a media type is written as it is read`(text: String) throws {
        let type = try #require(MediaType(text))
        #expect(type.description == text)
        #expect(MediaType(type.description) == type)
    }

    @Test(arguments: [
        (["image/jpeg"], "image/jpeg"), (["IMAGE/JPEG"], "image/jpeg"), (["image/jpeg;q=0"], "image/png"),
        (["image/png;q=0.1, image/jpeg;q=0.9"], "image/jpeg"), (["text/html", "image/jpeg"], "image/jpeg"),
        (["*/*"], "image/png"), ([], "image/png"), (["image/*"], "image/png"), (["image/jpeg, image/*"], "image/jpeg"),
        (["application/json, text/plain, */*"], "application/json"), (["text/html"], "image/png"),
        (["image/png;q=0, */*"], "image/jpeg"), (["image/*;q=0.5, application/json;q=0.4"], "image/png"),
        (["application/json;charset=utf-8"], "application/json"), (["image/jpegx"], "image/png"), ([""], "image/png"),
        (["text/html, image/webp, */*;q=0.8"], "image/png"), (["x-image/jpeg"], "image/png"),
        (["image/jpeg;q=0.5", "application/json;q=0.6, image/png;q=0.5"], "application/json"),
    ])
    func `the offer that the client weighs most is chosen`(accept: [String], type: String) throws {
        let request = try ServeRequest(headers: HTTPHeaders(accept.map { (name: "accept", value: $0) }))
        let json = try #require(MediaType("application/json"))
        #expect(try request.accepted(of: .png, .jpeg, json).essence == type)
    }

    @Test(arguments: ["image/png;q=0", "*/*;q=0", "image/*;q=0", "text/html, */*;q=0", "image/png;q=0, image/gif"])
    func `a client that excludes the default and names no other offer gets 406`(accept: String) throws {
        let request = try ServeRequest(headers: ["accept": accept])
        let error = try #require(throws: ServeHTTPError.self) { try request.accepted(of: .png, .json) }
        #expect(error.status == .notAcceptable)
        #expect(error.message.contains("image/png, application/json"))
    }
}
