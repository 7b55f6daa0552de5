package import SwerveCore

/// The parts of a collector's URL.
package struct CollectorEndpoint: Hashable, Sendable {
    /// A name or an address, without brackets.
    package let host: String
    package let port: Int
    /// The path and the query.
    package let target: String
    /// What the header `host` says.
    let authority: String

    /// - Throws: ``ServeError`` with code `invalidOptions`.
    package init(_ url: String) throws(ServeError) {
        func wrong(_ reason: String) -> ServeError {
            ServeError(.invalidOptions, "tracing.endpoint is '\(url)'; \(reason)")
        }
        guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw wrong("a URL has neither blanks nor characters beyond ASCII")
        }
        let parts = url.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasPrefix("//") else { throw wrong("it must begin with http://") }
        let scheme = parts[0].lowercased()
        guard scheme != "https" else {
            throw wrong(
                "spans are sent without TLS; run a collector on this machine that passes them on, and name it as "
                    + "http://127.0.0.1:4318/v1/traces"
            )
        }
        guard scheme == "http" else { throw wrong("it must begin with http://") }
        let rest = parts[1].dropFirst(2)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let tail = rest.dropFirst(authority.count)
        guard !authority.contains("@") else { throw wrong("credentials belong into tracing.headers") }
        guard !tail.contains("#") else { throw wrong("it must not have a fragment (#)") }
        let host: Substring
        var port = Substring("80")
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw wrong("the bracket around its address is open") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let behind = authority[authority.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { throw wrong("something follows its address") }
            if !behind.isEmpty { port = behind.dropFirst() }
        } else {
            let pieces = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = pieces[0]
            if pieces.count == 2 { port = pieces[1] }
        }
        guard !host.isEmpty else { throw wrong("it names no host") }
        guard port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(port), (1...65535).contains(number)
        else {
            throw wrong("its port must be from 1 to 65535")
        }
        self.host = String(host)
        self.port = number
        self.target = tail.hasPrefix("/") ? String(tail) : "/" + tail
        self.authority = String(authority)
    }
}
