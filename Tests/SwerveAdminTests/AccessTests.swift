import SwerveHTTPTypes
import Testing

@testable import SwerveAdmin

@Suite struct AccessTests {
    private static let token = "0123456789abcdef0123456789abcdef"

    private func refusal(
        _ headers: HTTPHeaders,
        _ need: AdminAccess.Need,
        _ options: AdminOptions = AdminOptions()
    ) throws -> String? {
        let token = try #require(AdminToken(Self.token))
        let head = try HTTPRequestHead(method: .get, target: "/", headers: headers, prefix: "", requestID: "")
        do throws(AdminError) {
            try AdminAccess(token, options).check(head, need)
            return nil
        } catch {
            return "\(error.status.code) \(error.code)"
        }
    }

    private static let bearer = "Bearer \(token)"

    @Test func `only a change needs the token on a loopback address`() throws {
        #expect(try refusal(["host": "127.0.0.1:8265"], .nothing) == nil)
        #expect(try refusal(["host": "127.0.0.1:8265"], .read) == nil)
        #expect(try refusal(["host": "127.0.0.1:8265"], .change) == "401 token_missing")
        #expect(try refusal(["host": "127.0.0.1:8265", "authorization": Self.bearer], .change) == nil)
    }

    @Test func `reading needs the token, too, where other machines reach the server`() throws {
        for host in ["0.0.0.0", "::", "192.0.2.1", "server.example"] {
            let options = AdminOptions(host: host)
            #expect(try refusal(["host": "localhost"], .nothing, options) == nil)
            #expect(try refusal(["host": "localhost"], .read, options) == "401 token_missing")
            #expect(try refusal(["host": "localhost", "authorization": Self.bearer], .read, options) == nil)
        }
    }

    @Test(arguments: [
        "Bearer \(token)0", "Bearer \(token.dropLast())", "Bearer \(token.uppercased())", "Basic \(token)", token,
        "Bearer",
        "Bearer ", "Bearer \(String(repeating: token, count: 2))",
    ])
    func `another token is refused`(value: String) throws {
        let headers: HTTPHeaders = ["host": "localhost", "authorization": value]
        #expect(try refusal(headers, .change) == "403 token_wrong")
    }

    @Test func `two tokens are refused, also if one is right`() throws {
        let headers = HTTPHeaders([
            ("host", "localhost"), ("authorization", Self.bearer), ("authorization", "Bearer x"),
        ])
        #expect(try refusal(headers, .change) == "401 token_missing")
    }

    @Test(arguments: ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8265"])
    func `the names of loopback lead here`(host: String) throws {
        #expect(try refusal(["host": host], .nothing) == nil)
    }

    @Test(arguments: [
        "evil.example", "evil.example:8265", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.256", "",
        "[::1", "[::2]", "192.0.2.1", "localhost:80:80", "127.0.0.+1", "localhost:x",
    ])
    func `another name is refused: a page could have made it lead here`(host: String) throws {
        #expect(try refusal(["host": host], .nothing) == "403 host_refused")
    }

    @Test func `a request without a host, or with two, is refused`() throws {
        #expect(try refusal([:], .nothing) == "403 host_refused")
        let two = HTTPHeaders([("host", "localhost"), ("host", "localhost")])
        #expect(try refusal(two, .nothing) == "403 host_refused")
    }

    @Test func `the configured host and listed names lead here`() throws {
        let options = AdminOptions(host: "192.0.2.1", allowedHosts: ["Serve.Example"])
        #expect(try refusal(["host": "192.0.2.1:8265"], .nothing, options) == nil)
        #expect(try refusal(["host": "serve.example"], .nothing, options) == nil)
        #expect(try refusal(["host": "192.0.2.2"], .nothing, options) == "403 host_refused")
    }

    @Test func `a server on all addresses accepts every address, and still no other name`() throws {
        let options = AdminOptions(host: "0.0.0.0")
        #expect(try refusal(["host": "192.0.2.7:8265"], .nothing, options) == nil)
        #expect(try refusal(["host": "[2001:db8::1]"], .nothing, options) == nil)
        #expect(try refusal(["host": "evil.example"], .nothing, options) == "403 host_refused")
    }

    @Test func `a page of the server itself may ask, and one of another origin may not`() throws {
        func refusal(origin: String) throws -> String? {
            try self.refusal(["host": "localhost:8265", "origin": origin, "authorization": Self.bearer], .change)
        }
        #expect(try refusal(origin: "http://localhost:8265") == nil)
        #expect(try refusal(origin: "https://localhost:8265") == nil)
        for origin in ["http://localhost:8000", "http://localhost", "http://evil.example", "null", ""] {
            #expect(try refusal(origin: origin) == "403 origin_refused")
        }
    }

    @Test func `what a page of another site embeds is refused, and a link to the page is not`() throws {
        for site in ["cross-site", "same-site"] {
            #expect(try refusal(["host": "localhost", "sec-fetch-site": site], .read) == "403 origin_refused")
            #expect(try refusal(["host": "localhost", "sec-fetch-site": site], .nothing) == nil)
        }
        for site in ["same-origin", "none"] {
            #expect(try refusal(["host": "localhost", "sec-fetch-site": site], .read) == nil)
        }
    }

    @Test func `a token is random, and comparing it takes all of it`() throws {
        var random = SystemRandomNumberGenerator()
        let (one, other) = (AdminToken(from: &random), AdminToken(from: &random))
        #expect(one.text.utf8.count == 64 && one.text != other.text)
        #expect(one.matches(one.text) && !one.matches(other.text) && !one.matches(""))
        #expect(AdminToken("short") == nil)
        #expect(AdminToken("with a space, but long enough to be one") == nil)
    }
}
