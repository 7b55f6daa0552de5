/// Refuses keys that are no plain texts, before the YAML library sees them.
///
/// The library compares the keys of a mapping as trees. A key that is an alias, or contains one, may stand for billions
/// of values, and it would compare them all. No field has such a key, so nothing is lost. The scan knows no strings and
/// no comments: what looks like such a key within one is refused too, but only in a text with aliases.
enum YAMLKeyScan {
    static func check(_ text: String) throws(TextProblem) {
        var text = text
        let found = text.withUTF8 { bytes in find(bytes) }
        guard let found else { return }
        throw TextProblem(.syntax, found.line, found.column, found.message)
    }

    private struct Found {
        var line: Int
        var column: Int
        var message: String
    }

    private static func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Found? {
        let hasAlias = containsAlias(bytes)
        var line = 1
        var lineStart = 0
        // Whether only spaces and indicators of blocks have come in this line.
        var isAtStart = true
        for (index, byte) in bytes.enumerated() {
            func found(_ message: String) -> Found {
                Found(line: line, column: index - lineStart + 1, message: message)
            }
            switch byte {
            case newline, UInt8(ascii: "\r"):
                if byte == newline { line += 1 }
                lineStart = index + 1
                isAtStart = true
                continue
            case UInt8(ascii: "?") where isSpace(bytes, index + 1):
                if isAtStart || follows(bytes, index, "{[,:") {
                    return found("a key must be a plain text; '?' begins one that may be anything")
                }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                if hasAlias, isBeforeColon(bytes, index + 1) {
                    return found("in a file with aliases, a key must not be a list or a mapping")
                }
            case UInt8(ascii: "*"):
                var end = index + 1
                while end < bytes.count, isName(bytes[end]) { end += 1 }
                if end > index + 1, isBeforeColon(bytes, end) { return found("a key must not be an alias") }
            default: break
            }
            if !isBlank(byte), byte != UInt8(ascii: "-") { isAtStart = false }
        }
        return nil
    }

    private static let newline = UInt8(ascii: "\n")

    private static func containsAlias(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.indices.contains { bytes[$0] == UInt8(ascii: "*") && $0 + 1 < bytes.count && isName(bytes[$0 + 1]) }
    }

    private static func isBeforeColon(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        var index = start
        while index < bytes.count, isBlank(bytes[index]) { index += 1 }
        return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }

    /// Whether one of `characters` comes before a position, with nothing but spaces and newlines between.
    private static func follows(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ characters: StaticString) -> Bool {
        var index = index - 1
        while index >= 0, isSpace(bytes, index) { index -= 1 }
        guard index >= 0 else { return true }
        return characters.withUTF8Buffer { $0.contains(bytes[index]) }
    }

    private static func isSpace(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        index >= bytes.count || isBlank(bytes[index]) || bytes[index] == newline || bytes[index] == UInt8(ascii: "\r")
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
