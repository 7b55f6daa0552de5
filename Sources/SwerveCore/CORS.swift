/// Which pages of other origins may call an application from a browser: cross-origin resource sharing, as the Fetch
/// standard defines it.
///
/// ```swift
/// try await Serve.run(app, routePrefix: "/segment", cors: CORS(origins: ["https://app.example.com"]))
/// ```
/// The proxy answers preflight requests itself and adds the headers to every answer of the application, errors
/// included. Without it a browser lets no page of another origin read the answers; other clients are not affected.
public struct CORS: Hashable, Sendable, Codable {
    /// The origins that may call, such as `https://example.com` or `http://localhost:3000`: scheme, host and port as a
    /// browser sends them, or `*` for every origin.
    public var origins: [String]
    /// The methods that may be used besides those that need no permission (GET, HEAD and POST).
    public var methods: [String]
    /// The request headers that may be sent besides those that need no permission; `*` for all. A JSON body needs
    /// `content-type`.
    public var headers: [String]
    /// The response headers that a page may read besides those that need no permission.
    public var exposedHeaders: [String]
    /// Whether the browser may send cookies and `Authorization`. It must not be combined with `*`.
    public var allowsCredentials: Bool
    /// How long a browser may remember the answer to a preflight request.
    public var maxAge: Duration

    /// - Parameters:
    ///   - origins: each as a browser sends it, or `*`.
    ///   - methods: GET, HEAD and POST by default.
    ///   - headers: `content-type` by default.
    ///   - exposedHeaders: `x-request-id` by default.
    ///   - allowsCredentials: false by default.
    ///   - maxAge: 10 minutes by default. Browsers have limits of their own: 2 hours in Chromium.
    public init(
        origins: [String],
        methods: [String] = ["GET", "HEAD", "POST"],
        headers: [String] = ["content-type"],
        exposedHeaders: [String] = ["x-request-id"],
        allowsCredentials: Bool = false,
        maxAge: Duration = .seconds(600)
    ) {
        self.origins = origins
        self.methods = methods
        self.headers = headers
        self.exposedHeaders = exposedHeaders
        self.allowsCredentials = allowsCredentials
        self.maxAge = maxAge
    }
}

extension CORS {
    /// What is wrong with the options, or `nil`.
    package var problem: String? {
        if origins.isEmpty { return "cors: 'origins' names none; leave the option out to allow none" }
        for origin in origins where origin != "*" {
            if let problem = Self.problem(withOrigin: origin) { return problem }
        }
        for name in methods + headers + exposedHeaders where !Self.isToken(name) {
            return "cors: '\(name)' is not the name of a method or a header"
        }
        if allowsCredentials {
            for (option, values) in [("origins", origins), ("methods", methods), ("headers", headers)]
            where values.contains("*") {
                return "cors: '*' in '\(option)' cannot be combined with allowsCredentials; name them"
            }
        }
        if maxAge < .zero || maxAge > .seconds(86_400) { return "cors: maxAge is \(maxAge); it must be 0 to 24 hours" }
        return nil
    }

    private static func problem(withOrigin origin: String) -> String? {
        let parts = origin.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        let isHost = { (byte: UInt8) in byte > 0x20 && byte < 0x7F && !"/?#@\\*,\"".utf8.contains(byte) }
        guard parts.count == 2, isToken(String(parts[0])), !parts[1].isEmpty, parts[1].utf8.allSatisfy(isHost) else {
            return "cors: '\(origin)' is not an origin; write scheme://host or scheme://host:port, or '*'"
        }
        if origin != origin.lowercased() {
            return "cors: browsers send origins in lower case; write '\(origin.lowercased())'"
        }
        for (scheme, port) in [("https", ":443"), ("http", ":80")] where parts[0] == scheme && origin.hasSuffix(port) {
            return "cors: browsers leave out the default port; write '\(origin.dropLast(port.count))'"
        }
        return nil
    }

    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
