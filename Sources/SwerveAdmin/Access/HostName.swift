/// The host of a `Host` header or of an option, without its port.
struct HostName: Hashable, Sendable {
    /// In lower case, without brackets and without a dot at the end.
    let text: String

    /// - Returns: `nil` for what is no host.
    init?(header: String) {
        var rest = header[...]
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            text = rest[rest.index(after: rest.startIndex)..<end].lowercased()
            rest = rest[rest.index(after: end)...]
        } else {
            let name = rest.prefix { $0 != ":" }
            text = (name.hasSuffix(".") ? name.dropLast() : name).lowercased()
            rest = rest[name.endIndex...]
        }
        let port = rest.dropFirst()
        guard !text.isEmpty, rest.isEmpty || (rest.first == ":" && port.allSatisfy { $0.isASCII && $0.isNumber }) else {
            return nil
        }
    }

    /// - Parameter option: a name or an address; one of version 6 without brackets.
    init(option: String) {
        text = (option.hasSuffix(".") ? String(option.dropLast()) : option).lowercased()
    }

    /// Whether only this machine reaches it.
    var isLoopback: Bool {
        text == "localhost" || text == "::1" || (isVersion4 && text.hasPrefix("127."))
    }

    /// Whether it stands for all addresses of the machine.
    var isEveryAddress: Bool { text == "0.0.0.0" || text == "::" }

    /// Whether it is an address and no name.
    var isAddress: Bool { isVersion4 || text.contains(":") }

    private var isVersion4: Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        // A number's sign would be accepted, too.
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && !$0.hasPrefix("+") }
    }
}
