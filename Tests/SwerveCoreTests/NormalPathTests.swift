import SwerveCore
import Testing

@Suite struct NormalPathTests {
    @Test(arguments: [
        ("/%73egment", "/segment"), ("/basic%2Dlinear", "/basic-linear"), ("/a%2fb", "/a%2Fb"), ("/%7euser", "/~user"),
        ("/größe", "/gr%C3%B6%C3%9Fe"), ("/gr%c3%b6%c3%9fe", "/gr%C3%B6%C3%9Fe"), ("/a b", "/a%20b"),
        ("/a|b", "/a%7Cb"),
        ("/a:b@c,d;e=f", "/a:b@c,d;e=f"), ("/%3A", "/%3A"), ("/%4", "/%254"), ("/%zz", "/%25zz"), ("/%2573", "/%2573"),
        ("/", "/"), ("", ""), ("*", "*"),
    ])
    func `escapes of unreserved characters are decoded and others are in upper case`(path: String, normal: String) {
        #expect(NormalPath.normalized(path) == normal)
        #expect(NormalPath.normalized(normal) == normal)
    }

    private static func length(of prefix: String, in path: String) -> Int? {
        Array(path.utf8).withUnsafeBytes { NormalPath.length(of: Array(prefix.utf8), in: $0) }
    }

    @Test(arguments: [
        ("/a", "/a", 2), ("/a", "/a/b", 2), ("/a", "/%61/b", 4), ("/a-b", "/a%2Db", 6), ("/a-b", "/a%2db/%2F", 6),
        ("/gr%C3%B6", "/gr%c3%b6/x", 9), ("/a%20b", "/a%20b", 6), ("/a%2Fb", "/a%2fb", 6), ("/a%7Cb", "/a|b", 4),
    ])
    func `a prefix covers the paths below it however they are escaped`(prefix: String, path: String, length: Int) {
        #expect(Self.length(of: prefix, in: path) == length)
    }

    @Test(arguments: [
        ("/a", "/ab"), ("/a", "/"), ("/a/b", "/a%2Fb"), ("/a%2Fb", "/a/b"), ("/a", "/%61b"), ("/a", "/a%2F"),
        ("/a", ""),
        ("/a%20b", "/a%2"), ("/ab", "/a%"),
    ])
    func `a prefix does not cover other paths`(prefix: String, path: String) {
        #expect(Self.length(of: prefix, in: path) == nil)
    }

    @Test(arguments: [
        ("a", "must start with '/'"), ("/a/", "must not end with '/'"), ("/a?b", "%3F"), ("/a#b", "%23"),
        ("/a%", "%25"),
        ("/a%2", "%25"), ("/a%zz", "%25"), ("/a\n", "control character"), ("/a/../b", "'..'"), ("/a/%2e/b", "'.'"),
        ("/-/x", "the proxy"), ("/-", "the proxy"), ("/%2D/x", "the proxy"),
    ])
    func `a prefix that no request can have says why`(prefix: String, part: String) throws {
        #expect(try #require(NormalPath.problem(withPrefix: prefix)).contains(part))
    }

    @Test(arguments: ["/", "/a", "/a/b", "/größe", "/a b", "/a%20b", "/-a", "/...", "/a%2Fb"])
    func `other prefixes are accepted`(prefix: String) {
        #expect(NormalPath.problem(withPrefix: prefix) == nil)
    }
}
