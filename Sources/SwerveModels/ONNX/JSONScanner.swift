internal import Swerve

/// Reads JSON token by token, so that large values go straight to their destination without building a tree.
struct JSONScanner {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The next byte that is not whitespace; nil at the end.
    var next: UInt8? {
        mutating get {
            while position < bytes.count {
                switch bytes[position] {
                case 0x20, 0x0A, 0x0D, 0x09: position += 1
                case let byte: return byte
                }
            }
            return nil
        }
    }

    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(ServeHTTPError) {
        guard accept(character) else { throw malformed("expected '\(character)'") }
    }

    mutating func expectEnd() throws(ServeHTTPError) {
        guard next == nil else { throw malformed("expected the end of the body") }
    }

    /// The key of the next member of an object whose `{` has been read; nil at its end.
    mutating func key(isFirst: Bool) throws(ServeHTTPError) -> String? {
        if accept("}") { return nil }
        if !isFirst { try expect(",") }
        let key = try string()
        try expect(":")
        return key
    }

    /// Whether the list whose `[` has been read has another element.
    mutating func hasElement(isFirst: Bool) throws(ServeHTTPError) -> Bool {
        if accept("]") { return false }
        if !isFirst { try expect(",") }
        return true
    }

    /// The text of a number, `true`, `false` or `null`.
    mutating func word() throws(ServeHTTPError) -> String {
        guard next != nil else { throw malformed("expected a value, but the body ends") }
        let start = position
        while position < bytes.count, JSONScanner.isWord(bytes[position]) { position += 1 }
        guard position > start else { throw malformed("expected a value") }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        guard ["true", "false", "null"].contains(word) || JSONScanner.isNumber(bytes[start..<position]) else {
            position = start
            throw malformed("'\(word.prefix(40))' is not a value")
        }
        return word
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Whether the text is a JSON number: `-12.5e3`, but not `+1`, `01`, `.5` or `1.`.
    private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        func digits() -> Int {
            let run = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            rest = rest.dropFirst(run.count)
            return run.count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let startsWithZero = rest.first == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !startsWithZero || whole == 1 else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard digits() > 0 else { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }

    /// Reads a string and resolves its escapes.
    mutating func string() throws(ServeHTTPError) -> String {
        guard next == UInt8(ascii: "\"") else { throw malformed("expected a string") }
        position += 1
        var content: [UInt8] = []
        var start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                content += bytes[start..<position]
                position += 1
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw malformed("the preceding string is not UTF-8")
                }
                return text
            }
            if byte == UInt8(ascii: "\\") {
                content += bytes[start..<position]
                content += String(try escape()).utf8
                start = position
                continue
            }
            guard byte >= 0x20 else { throw malformed("a string holds a control character") }
            position += 1
        }
        throw malformed("unterminated string")
    }

    private mutating func escape() throws(ServeHTTPError) -> Character {
        position += 1
        guard position < bytes.count else { throw malformed("unterminated string") }
        position += 1
        switch bytes[position - 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try codeUnit()
            if let scalar = Unicode.Scalar(first) { return Character(scalar) }
            // The first half of a pair.
            guard first < 0xDC00, bytes[position...].starts(with: "\\u".utf8) else {
                throw malformed("incomplete surrogate pair")
            }
            position += 2
            let second = try codeUnit()
            guard (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
            else { throw malformed("incomplete surrogate pair") }
            return Character(scalar)
        default: throw malformed("an unknown escape")
        }
    }

    private mutating func codeUnit() throws(ServeHTTPError) -> UInt16 {
        let digits = bytes[position...].prefix(4)
        let text = String(decoding: digits, as: UTF8.self)
        guard digits.count == 4, !text.hasPrefix("+"), let unit = UInt16(text, radix: 16) else {
            throw malformed("expected four hexadecimal digits")
        }
        position += 4
        return unit
    }

    func malformed(_ what: String) -> ServeHTTPError {
        ServeHTTPError(.badRequest, "the body is not valid JSON: \(what) at byte \(position)")
    }
}
