/// Reads strict JSON (RFC 8259) and notes where each value stands, which Foundation's decoder does not tell.
///
/// A name that an object has twice is an error: readers disagree on which one counts.
struct JSONReader {
    private let bytes: [UInt8]
    private let limits: ConfigLimits
    private var index = 0
    private var line = 1
    private var column = 1
    private var values = 0

    init(_ text: String, _ limits: ConfigLimits) {
        self.bytes = Array(text.utf8)
        self.limits = limits
    }

    mutating func document() throws(TextProblem) -> ConfigNode {
        skipSpaces()
        let node = try value(depth: 0)
        skipSpaces()
        guard index == bytes.count else { throw syntax("there is something behind the value") }
        return node
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(TextProblem) -> ConfigNode {
        let (line, column) = (line, column)
        values += 1
        if values > limits.maxValues { throw limit("the text has more than \(limits.maxValues) values") }
        if depth > limits.maxDepth { throw limit("the text is nested more than \(limits.maxDepth) deep") }
        let content: ConfigNode.Content
        switch next {
        case UInt8(ascii: "{"): content = .fields(try members(depth: depth))
        case UInt8(ascii: "["): content = .list(try elements(depth: depth))
        case UInt8(ascii: "\""): content = .text(try string())
        case UInt8(ascii: "t"): content = try word("true", .bool(true))
        case UInt8(ascii: "f"): content = try word("false", .bool(false))
        case UInt8(ascii: "n"): content = try word("null", .null)
        case UInt8(ascii: "-"): content = try number()
        case nil: throw syntax("the text ends where a value is expected")
        case let byte? where Self.isDigit(byte): content = try number()
        default: throw syntax("a value is expected here")
        }
        return ConfigNode(content: content, line: line, column: column)
    }

    private mutating func members(depth: Int) throws(TextProblem) -> [(key: ConfigNode.Key, value: ConfigNode)] {
        advance()
        var members: [(key: ConfigNode.Key, value: ConfigNode)] = []
        var names: Set<String> = []
        skipSpaces()
        if take("}") { return members }
        while true {
            let (line, column) = (line, column)
            guard next == UInt8(ascii: "\"") else { throw syntax("a name in double quotes is expected here") }
            let key = ConfigNode.Key(name: try string(), line: line, column: column)
            guard names.insert(key.name).inserted else {
                throw TextProblem(.syntax, line, column, "'\(key.name)' is given twice")
            }
            skipSpaces()
            guard take(":") else { throw syntax("':' is expected behind a name") }
            skipSpaces()
            members.append((key, try value(depth: depth + 1)))
            skipSpaces()
            if take("}") { return members }
            guard take(",") else { throw syntax("',' or '}' is expected here") }
            skipSpaces()
        }
    }

    private mutating func elements(depth: Int) throws(TextProblem) -> [ConfigNode] {
        advance()
        var elements: [ConfigNode] = []
        skipSpaces()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpaces()
            if take("]") { return elements }
            guard take(",") else { throw syntax("',' or ']' is expected here") }
            skipSpaces()
        }
    }

    private mutating func word(_ word: String, _ content: ConfigNode.Content) throws(TextProblem) -> ConfigNode.Content
    {
        for byte in word.utf8 {
            guard next == byte else { throw syntax("a value is expected here; a text needs double quotes") }
            advance()
        }
        return content
    }

    private mutating func number() throws(TextProblem) -> ConfigNode.Content {
        let start = index
        var isWhole = true
        _ = take("-")
        if take("0") {
            if let next, Self.isDigit(next) { throw syntax("a number must not begin with 0") }
        } else {
            try digits()
        }
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isWhole, let whole = Int(text) { return .integer(whole) }
        guard let number = Double(text), number.isFinite else { throw syntax("the number \(text) is too large") }
        return .number(number)
    }

    private mutating func digits() throws(TextProblem) {
        guard let first = next, Self.isDigit(first) else { throw syntax("a digit is expected here") }
        while let digit = next, Self.isDigit(digit) { advance() }
    }

    // MARK: Strings

    private mutating func string() throws(TextProblem) -> String {
        advance()
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                advance()
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw syntax("a text must not contain a control character; write \\n or \\u000a")
            default:
                text.append(byte)
                advance()
            }
        }
        throw syntax("the text ends within a string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(TextProblem) {
        advance()
        guard let byte = next else { throw syntax("the text ends within a string") }
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
            UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12,
            UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
        ]
        if let character = plain[byte] {
            text.append(character)
            return advance()
        }
        guard byte == UInt8(ascii: "u") else { throw syntax("there is no such escape in JSON") }
        advance()
        var code = try hexDigits()
        if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
            let low = try hexDigits()
            guard (0xDC00..<0xE000).contains(low) else {
                throw syntax("the second half of a surrogate pair is missing")
            }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw syntax("half of a surrogate pair is no character") }
        text += Array(String(Character(scalar)).utf8)
    }

    private mutating func hexDigits() throws(TextProblem) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw syntax("four hexadecimal digits are expected here")
            }
            code = code << 4 | UInt32(digit)
            advance()
        }
        return code
    }

    // MARK: Bytes

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func advance() {
        if bytes[index] == UInt8(ascii: "\n") {
            line += 1
            column = 1
        } else if bytes[index] & 0xC0 != 0x80 {
            column += 1
        }
        index += 1
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        advance()
        return true
    }

    private mutating func skipSpaces() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { advance() }
    }

    private func syntax(_ message: String) -> TextProblem { TextProblem(.syntax, line, column, "not JSON: \(message)") }
    private func limit(_ message: String) -> TextProblem { TextProblem(.limit, line, column, message) }
}
