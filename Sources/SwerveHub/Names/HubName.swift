/// The allowed names of repositories, revisions, files and their tags.
///
/// All names become parts of paths in the cache, and most of them come from a server.
enum HubName {
    /// The longest name of a revision or file, in bytes. The file system itself limits each part of a path.
    static let maximumBytes = 1024

    /// - Throws: ``HubError`` with code `invalidName`.
    static func check(repository: String) throws(HubError) {
        let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
        func isWord(_ part: Substring) -> Bool {
            let bytes = Array(part.utf8)
            guard (1...96).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
            let ends = [first, last]
            return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
                && ends.allSatisfy { isAlphanumeric($0) }
        }
        guard (1...2).contains(parts.count), parts.allSatisfy(isWord), !repository.contains("--"),
            !repository.contains(".."), !repository.hasSuffix(".git")
        else {
            throw HubError(
                .invalidName,
                "invalid repository \(quoted(repository)): use 'owner/name' or 'name', of letters, digits, "
                    + "'-', '_' and '.', without '--' and '..', beginning and ending with a letter, digit or '_', "
                    + "and not ending with '.git'"
            )
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// - Throws: ``HubError`` with code `invalidName`.
    static func check(revision: String) throws(HubError) {
        guard isRelativePath(revision) else {
            throw HubError(
                .invalidName,
                "invalid revision \(quoted(revision)): use a branch, a tag, a commit or 'refs/pr/1', without '..', "
                    + "'\\' and control characters"
            )
        }
    }

    /// - Throws: ``HubError`` with code `invalidName`.
    static func check(file path: String) throws(HubError) {
        guard isRelativePath(path) else {
            throw HubError(
                .invalidName,
                "invalid file \(quoted(path)): it must be a relative path without '..', '\\' and control characters"
            )
        }
    }

    private static func isRelativePath(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.utf8.count <= maximumBytes
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && !path.unicodeScalars.contains {
                $0.properties.generalCategory == .control || $0.properties.generalCategory == .format || $0 == "\\"
            }
    }

    /// Whether a text is a commit's full hash.
    static func isCommit(_ text: String) -> Bool { isHex(text, count: 40) }

    /// Whether a text consists of exactly this many lower-case hexadecimal digits.
    static func isHex(_ text: String, count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    /// The bare tag of an `ETag` header, without `W/` and quotes; nil when it cannot name a file in the cache.
    static func tag(_ header: String) -> String? {
        var text = Substring(header)
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = text.dropFirst().dropLast() }
        guard (1...128).contains(text.utf8.count) else { return nil }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") } ? String(text) : nil
    }

    /// A name for use in a message: shortened, and without characters that could move a terminal's cursor.
    static func quoted(_ name: String) -> String {
        let scalars = name.unicodeScalars.prefix(200).map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}" as Unicode.Scalar
            default: scalar
            }
        }
        var text = String(String.UnicodeScalarView(scalars))
        if name.unicodeScalars.count > 200 { text += "…" }
        return "'\(text)'"
    }
}
