#if canImport(FoundationEssentials)
    internal import struct FoundationEssentials.URL
#else
    internal import struct Foundation.URL
#endif

/// A URL of the hub, or of where it redirects to.
struct HubAddress: Hashable, Sendable, CustomStringConvertible {
    /// Who answers: a token goes to the hub's own origin only.
    struct Origin: Hashable, Sendable {
        let scheme: String
        let host: String
        let port: Int
    }

    private let url: URL
    let origin: Origin

    /// The whole URL, as it is requested.
    var text: String { url.absoluteString }

    /// The URL without its query, which may hold a signature, for messages.
    var description: String {
        let text = url.absoluteString
        return String(text.prefix { $0 != "?" && $0 != "#" })
    }

    /// Nil for what is not an `http` or `https` URL with a host, and for one that holds a name or a password.
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

    /// Where a `Location` header leads from here, relative or absolute.
    func following(_ location: String) -> HubAddress? {
        URL(string: location, relativeTo: url).flatMap { HubAddress($0.absoluteURL) }
    }

    /// A part of a path with everything but unreserved characters as `%XX`, so that it stays one part.
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
                "the endpoint \(HubName.quoted(text)) is no address: 'https://huggingface.co' is, HF_ENDPOINT sets it"
            )
        }
        self.base = base
        origin = address.origin
    }

    /// Where a revision's commit and files are listed.
    func listing(_ repository: String, revision: String) throws(HubError) -> HubAddress {
        try address("/api/models/\(repository)/revision/\(HubAddress.encoded(revision))?blobs=true")
    }

    /// Where a file is.
    func file(_ path: String, of repository: String, revision: String) throws(HubError) -> HubAddress {
        let path = path.split(separator: "/").map(HubAddress.encoded).joined(separator: "/")
        return try address("/\(repository)/resolve/\(HubAddress.encoded(revision))/\(path)")
    }

    private func address(_ path: String) throws(HubError) -> HubAddress {
        guard let address = HubAddress(base + path) else {
            throw HubError(.invalidOption, "\(HubName.quoted(base + path)) is no address; look at HF_ENDPOINT")
        }
        return address
    }
}
