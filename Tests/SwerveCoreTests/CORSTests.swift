import SwerveCore
import Testing

@Suite struct CORSTests {
    @Test(arguments: [
        (CORS(origins: []), "names none"), (CORS(origins: ["example.com"]), "scheme://host"),
        (CORS(origins: ["https://example.com/"]), "scheme://host"),
        (CORS(origins: ["https://*.example.com"]), "scheme"),
        (CORS(origins: ["https://Example.com"]), "https://example.com"),
        (CORS(origins: ["https://example.com:443"]), "write 'https://example.com'"),
        (CORS(origins: ["*"], allowsCredentials: true), "'*' in 'origins'"),
        (CORS(origins: ["https://a.b"], headers: ["*"], allowsCredentials: true), "'*' in 'headers'"),
        (CORS(origins: ["https://a.b"], methods: ["GET "]), "'GET '"),
        (CORS(origins: ["https://a.b"], headers: ["x\r\ny"]), "not the name"),
        (CORS(origins: ["https://a.b"], maxAge: .seconds(-1)), "maxAge"),
    ])
    func `options that cannot work say why`(options: CORS, part: String) throws {
        #expect(try #require(options.problem).contains(part))
    }

    @Test(arguments: [
        CORS(origins: ["*"]), CORS(origins: ["https://a.b", "http://localhost:3000"], allowsCredentials: true),
        CORS(origins: ["http://[::1]:8080"]), CORS(origins: ["*"], headers: ["*"]),
    ])
    func `options that work have no problem`(options: CORS) {
        #expect(options.problem == nil)
    }
}
