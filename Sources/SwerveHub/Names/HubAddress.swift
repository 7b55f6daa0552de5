#if canImport(FoundationEssentials)
    internal import struct FoundationEssentials.URL
#else
    internal import struct Foundation.URL
#endif

/// A URL of the hub, or of a server that it redirects to.
struct HubAddress: Hashable, Sendable, CustomStringConvertible {
    /// The server that answers. A token is sent only to the hub's own origin.
    struct Origin: Hashable, Sendable {
        let scheme: String
        let host: String
        let port: Int
    }

    private let url: URL
    let origin: Origin

    /// The whole URL, as used in requests.
    var text: String { url.absoluteString }

    /// The URL for messages, without its query, which may hold a signature.
    var description: String {
        let text = url.absoluteString
        return String(text.prefix { $0 != "?" && $0 != "#" })
    }

    /// Nil unless the text is an `http` or `https` URL with a host and without a user name or password.
    init?(_ text: String) {
        guard let url = URL(string: text) else { return nil }
        self.init(url)
    }

    private init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = url.host(percentEncoded: false)?.lowercased(), !host.isEmpty, url.user == nil,
            url.password == nil
        else { return nil }
        self.url = url
        origin = Origin(scheme: scheme, host: host, port: url.port ?? (scheme == "https" ? 443 : 80))
    }

    /// The target of a relative or absolute `Location` header.
    func following(_ location: String) -> HubAddress? {
        URL(string: location, relativeTo: url).flatMap { HubAddress($0.absoluteURL) }
    }

    /// Encodes everything except unreserved characters as `%XX`, so that the text stays one path component.
    static func encoded(_ text: some StringProtocol) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}

/// The addresses of a hub.
struct HubEndpoint: Hashable, Sendable {
    private let base: String
    let origin: HubAddress.Origin

    /// - Throws: ``HubError`` with code `invalidOption`.
    init(_ text: String) throws(HubError) {
        let base = String(text.reversed().drop { $0 == "/" }.reversed())
        guard let address = HubAddress(base), !base.contains("?"), !base.contains("#") else {
            throw HubError(
                .invalidOption,
                "invalid endpoint \(HubName.quoted(text)): HF_ENDPOINT needs an address like 'https://huggingface.co'"
            )
        }
        self.base = base
        origin = address.origin
    }

    /// The address that lists a revision's commit and files.
    func listing(_ repository: String, revision: String) throws(HubError) -> HubAddress {
        try address("/api/models/\(repository)/revision/\(HubAddress.encoded(revision))?blobs=true")
    }

    /// The address of a file.
    func file(_ path: String, of repository: String, revision: String) throws(HubError) -> HubAddress {
        let path = path.split(separator: "/").map(HubAddress.encoded).joined(separator: "/")
        return try address("/\(repository)/resolve/\(HubAddress.encoded(revision))/\(path)")
    }

    private func address(_ path: String) throws(HubError) -> HubAddress {
        guard let address = HubAddress(base + path) else {
            throw HubError(.invalidOption, "\(HubName.quoted(base + path)) is not an address; check HF_ENDPOINT")
        }
        return address
    }
}
