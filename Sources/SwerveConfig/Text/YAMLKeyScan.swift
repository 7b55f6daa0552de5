/// Refuses keys that are no plain texts, before the YAML library sees them.
///
/// The library compares the keys of a mapping as trees. A key that is an alias, or contains one, may stand for billions
/// of values, and it would compare them all. No field has such a key, so nothing is lost. The scan knows no strings and
/// no comments, so it also refuses what only looks like such a key: a `]` or `}` before a colon in a text with aliases,
/// a `?` or an alias where a token could begin.
struct YAMLKeyScan {
    private let bytes: UnsafeBufferPointer<UInt8>

    static func check(_ text: String) throws(TextProblem) {
        var text = text
        let problem = text.withUTF8 { YAMLKeyScan(bytes: $0).problem() }
        if let problem { throw problem }
    }

    private func problem() -> TextProblem? {
        let hasAlias = bytes.indices.contains { aliasEnd($0) != nil }
        var line = 1
        var lineStart = 0
        for (index, byte) in bytes.enumerated() {
            let message: String?
            switch byte {
            case Self.newline:
                line += 1
                lineStart = index + 1
                message = nil
            case UInt8(ascii: "?"):
                message =
                    isKeyIndicator(index) ? "a key must be a plain text; '?' begins one that may be anything" : nil
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                message =
                    hasAlias && isBeforeColon(index + 1)
                    ? "in a file with aliases, a key must not be a list or a mapping" : nil
            case UInt8(ascii: "*"):
                message = aliasEnd(index).map(isBeforeColon) == true ? "a key must not be an alias" : nil
            default: message = nil
            }
            if let message { return TextProblem(.syntax, line, index - lineStart + 1, message) }
        }
        return nil
    }

    // MARK: Tokens

    private static let newline = UInt8(ascii: "\n")

    /// Where the name of the alias at `index` ends; `nil` if there is none.
    private func aliasEnd(_ index: Int) -> Int? {
        guard bytes[index] == UInt8(ascii: "*"), canBeginToken(index) else { return nil }
        var end = index + 1
        while end < bytes.count, isName(bytes[end]) { end += 1 }
        return end > index + 1 ? end : nil
    }

    /// Whether a `?` can be the indicator of a key: before a space where a line or an entry of a block begins, or
    /// before anything where an entry within brackets begins.
    private func isKeyIndicator(_ index: Int) -> Bool {
        var before = index
        while before > 0, isBlank(bytes[before - 1]) { before -= 1 }
        if isLineStart(before) { return isSpace(index + 1) || isInBrackets(before) }
        switch bytes[before - 1] {
        case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"): return isSpace(index + 1)
        default: return isInBrackets(before)
        }
    }

    /// Whether what comes before a position, apart from spaces and newlines, begins an entry within brackets.
    private func isInBrackets(_ index: Int) -> Bool {
        var index = index - 1
        while index >= 0, bytes[index] < 0x80 ? isSpace(index) : isPartOfBreak(index) { index -= 1 }
        guard index >= 0 else { return false }
        switch bytes[index] {
        case UInt8(ascii: ","): return true
        case UInt8(ascii: "["), UInt8(ascii: "{"): return canBeginToken(index)
        default: return false
        }
    }

    /// Whether a token can begin at a position: at the start of a line, after a space or after an indicator.
    private func canBeginToken(_ index: Int) -> Bool {
        isLineStart(index) || isBlank(bytes[index - 1]) || "[{,:?".utf8.contains(bytes[index - 1])
    }

    private func isBeforeColon(_ start: Int) -> Bool {
        var index = start
        while index < bytes.count, isBlank(bytes[index]) { index += 1 }
        return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }

    // MARK: Characters

    private func isLineStart(_ index: Int) -> Bool {
        index == 0 || bytes[index - 1] == Self.newline || bytes[index - 1] == UInt8(ascii: "\r") || endsBreak(index - 1)
    }

    /// Whether the byte is the last of a character that YAML 1.1 counts as a line break (NEL, LS, PS), or of a byte
    /// order mark.
    private func endsBreak(_ index: Int) -> Bool {
        guard bytes[index] >= 0x80 else { return false }
        let start = max(0, index - 2)
        let last = Array(bytes[start...index])
        return last.suffix(2) == [0xC2, 0x85] || last == [0xE2, 0x80, 0xA8] || last == [0xE2, 0x80, 0xA9]
            || last == [0xEF, 0xBB, 0xBF]
    }

    /// Whether the byte belongs to such a character.
    private func isPartOfBreak(_ index: Int) -> Bool {
        (index..<min(index + 3, bytes.count)).contains { endsBreak($0) }
    }

    /// Whether a position is blank, a line break or the end; characters beyond ASCII count, because some are breaks.
    private func isSpace(_ index: Int) -> Bool {
        index >= bytes.count || isBlank(bytes[index]) || bytes[index] == Self.newline
            || bytes[index] == UInt8(ascii: "\r") || bytes[index] >= 0x80
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
