import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import Testing

@testable import SwerveProxy

/// Which application a path belongs to.
@Suite struct RouteTableTests {
    private static let pools = ServeSystem.detached.pools

    private static func table(_ prefixes: String...) -> RouteTable {
        let entries = prefixes.map { prefix in
            RouteEntry(
                prefix: prefix,
                application: "app \(prefix)",
                ingress: DeploymentID(application: "app", deployment: prefix),
                answersHTTP: true
            )
        }
        return RouteTable(entries, pools)
    }

    private static func match(_ path: String, in table: RouteTable) throws -> String? {
        table.match(try ServeRequest(path: path).head)?.row.entry.prefix
    }

    @Test(arguments: [
        ("/", "/"), ("/other", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a/x", "/a"), ("/ab", "/"), ("/a/b", "/a/b"),
        ("/a/b/c", "/a/b"), ("/a/bc", "/a"), ("/%61/b", "/a/b"), ("/a%2Fb", "/"), ("/a/b%2Fc", "/a"),
    ])
    func `the longest prefix that ends at a slash wins`(path: String, prefix: String) throws {
        #expect(try Self.match(path, in: Self.table("/", "/a", "/a/b")) == prefix)
    }

    @Test func `a path that no prefix covers has no application`() throws {
        #expect(try Self.match("/b", in: Self.table("/a")) == nil)
        #expect(try Self.match("/", in: RouteTable()) == nil)
    }

    @Test func `routes are listed as JSON by their prefixes`() {
        #expect(Self.table("/b", "/a").json == #"{"/a":"app /a","/b":"app /b"}"# + "\n")
    }
}
