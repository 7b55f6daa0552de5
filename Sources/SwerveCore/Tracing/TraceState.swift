/// The header `tracestate`: a list of entries `key=value`, of which each tracing system may have one.
///
/// Swerve passes the entries on and has none of its own.
package enum TraceState {
    /// The most entries that the standard allows: 32.
    package static let maximumEntries = 32
    /// The longest list that is passed on: 512 bytes. From a longer one, entries of more than ``longEntry`` bytes are
    /// left out first, and then those at the end.
    package static let maximumBytes = 512
    package static let longEntry = 128

    /// The entries of all lines as one list; `nil` if there are none or the list is malformed.
    package static func normalized(_ lines: [String]) -> String? {
        var entries: [Substring] = []
        var keys: Set<Substring> = []
        for line in lines {
            for part in line.split(separator: ",", omittingEmptySubsequences: false) {
                let entry = trimmed(part)
                if entry.isEmpty { continue }
                guard let key = key(of: entry), keys.insert(key).inserted else { return nil }
                entries.append(entry)
            }
        }
        guard !entries.isEmpty, entries.count <= maximumEntries else { return nil }
        shorten(&entries)
        return entries.isEmpty ? nil : entries.joined(separator: ",")
    }

    private static func trimmed(_ part: Substring) -> Substring {
        var part = part
        while let first = part.utf8.first, first == 0x20 || first == 0x09 { part = part.dropFirst() }
        while let last = part.utf8.last, last == 0x20 || last == 0x09 { part = part.dropLast() }
        return part
    }

    /// - Returns: `nil` for a malformed entry.
    private static func key(of entry: Substring) -> Substring? {
        guard let sign = entry.firstIndex(of: "=") else { return nil }
        let (key, value) = (entry[..<sign], entry[entry.index(after: sign)...])
        return isKey(key) && isValue(value) ? key : nil
    }

    /// Whether the text is a key: `name` or `tenant@system`.
    private static func isKey(_ text: Substring) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isName(text, longest: 256, mayBeginWithDigit: false)
        case 2:
            return isName(parts[0], longest: 241, mayBeginWithDigit: true)
                && isName(parts[1], longest: 14, mayBeginWithDigit: false)
        default: return false
        }
    }

    private static func isName(_ text: Substring, longest: Int, mayBeginWithDigit: Bool) -> Bool {
        guard (1...longest).contains(text.utf8.count), let first = text.utf8.first else { return false }
        guard isLetter(first) || (mayBeginWithDigit && isDigit(first)) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "_-*/".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isValue(_ text: Substring) -> Bool {
        guard (1...256).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }

    private static func shorten(_ entries: inout [Substring]) {
        func isTooLong() -> Bool {
            entries.reduce(entries.count - 1) { $0 + $1.utf8.count } > maximumBytes
        }
        while isTooLong(), let index = entries.lastIndex(where: { $0.utf8.count > longEntry }) {
            entries.remove(at: index)
        }
        while isTooLong() { entries.removeLast() }
    }
}
