/// The members of a header that holds a list (RFC 9110, section 5.6.1): values with parameters, such as `Accept` and
/// `Accept-Encoding`, over all lines of the header.
///
/// Reading never fails: a member that is malformed is left out, as if it had not been sent.
package struct FieldList: Hashable, Sendable {
    /// One member, such as `text/html;level=1;q=0.4`.
    package struct Member: Hashable, Sendable {
        /// In lower case.
        package let value: String
        /// The parameters other than `q`. Names are in lower case.
        package let parameters: [Parameter]
        /// The weight `q` in thousandths, 0 to 1000; 1000 without one. 0 excludes the value.
        package let weight: Int
    }

    package struct Parameter: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package let members: [Member]

    package init(_ lines: [String]) {
        var members: [Member] = []
        for line in lines {
            var scanner = FieldScanner(line)
            while !scanner.isAtEnd {
                if let member = scanner.member() { members.append(member) }
                scanner.skipPastComma()
            }
        }
        self.members = members
    }

    package init(_ line: String) {
        self.init([line])
    }

    /// The first member of a line, also if its parameters are malformed: then with those before the malformed one.
    ///
    /// - Parameter isOnly: whether the line has no other member.
    package static func first(of line: String) -> (member: Member, isOnly: Bool)? {
        var scanner = FieldScanner(line)
        while !scanner.isAtEnd {
            let member = scanner.member(isLenient: true)
            scanner.skipPastComma()
            guard let member else { continue }
            while !scanner.isAtEnd {
                if scanner.member() != nil { return (member, false) }
                scanner.skipPastComma()
            }
            return (member, true)
        }
        return nil
    }

    /// The weight of a plain value in thousandths: its own, else that of `*`; `nil` if the list has neither.
    package func weight(of value: String) -> Int? {
        let own = members.first { $0.value == value }
        return (own ?? members.first { $0.value == "*" })?.weight
    }
}

/// Reads the members of a list from the bytes of one line.
private struct FieldScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ line: String) {
        bytes = Array(line.utf8)
    }

    var isAtEnd: Bool { index >= bytes.count }
    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// The member that begins here; `nil` if it is empty or malformed.
    ///
    /// - Parameter isLenient: whether a member with a malformed parameter counts, without that parameter and those behind
    ///   it.
    mutating func member(isLenient: Bool = false) -> FieldList.Member? {
        skipBlanks()
        guard let value = value() else { return nil }
        var parameters: [FieldList.Parameter] = []
        var weight: Int? = 1000
        var hasParameters = false
        while true {
            skipBlanks()
            guard skip(UInt8(ascii: ";")) else { break }
            hasParameters = true
            skipBlanks()
            // An empty parameter, as in `a;;b=c`, means nothing.
            guard let name = token() else { continue }
            guard skip(UInt8(ascii: "=")), let text = token() ?? quoted() else {
                if isLenient { break }
                return nil
            }
            if name.lowercased() == "q" {
                weight = Self.weight(text)
            } else {
                parameters.append(FieldList.Parameter(name: name.lowercased(), value: text))
            }
        }
        let isComplete = (byte == nil || byte == UInt8(ascii: ",")) && weight != nil
        guard isComplete || isLenient && hasParameters else { return nil }
        return FieldList.Member(value: value.lowercased(), parameters: parameters, weight: weight ?? 1000)
    }

    /// Moves past the next comma outside quotes. A quote that does not end takes the rest of the line: looking for its end
    /// once is enough.
    mutating func skipPastComma() {
        while let byte, byte != UInt8(ascii: ",") {
            if byte != UInt8(ascii: "\"") {
                index += 1
            } else if quoted() == nil {
                index = bytes.count
            }
        }
        index += 1
    }

    /// A token, or two with a slash between them.
    private mutating func value() -> String? {
        guard let first = token() else { return nil }
        guard skip(UInt8(ascii: "/")) else { return first }
        guard let second = token() else { return nil }
        return "\(first)/\(second)"
    }

    private mutating func token() -> String? {
        let start = index
        while let byte, HTTPBytes.isToken(byte) { index += 1 }
        return start == index ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// Text in quotes; `nil`, without moving, if there is none that ends.
    private mutating func quoted() -> String? {
        guard byte == UInt8(ascii: "\"") else { return nil }
        var end = index + 1
        var text: [UInt8] = []
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
            if bytes[end] == UInt8(ascii: "\\") { end += 1 }
            if end < bytes.count { text.append(bytes[end]) }
            end += 1
        }
        guard end < bytes.count else { return nil }
        index = end + 1
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func skipBlanks() {
        while let byte, byte == 0x20 || byte == 0x09 { index += 1 }
    }

    private mutating func skip(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        index += 1
        return true
    }

    /// `0` or `1` with up to three decimals (RFC 9110, section 12.4.2).
    private static func weight(_ text: String) -> Int? {
        let digits = Array(text.utf8)
        guard let first = digits.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
        guard digits.count > 1 else { return first == UInt8(ascii: "1") ? 1000 : 0 }
        guard digits.count <= 5, digits[1] == UInt8(ascii: ".") else { return nil }
        var weight = first == UInt8(ascii: "1") ? 1000 : 0
        for (digit, unit) in zip(digits.dropFirst(2), [100, 10, 1]) {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            weight += Int(digit - UInt8(ascii: "0")) * unit
        }
        return weight <= 1000 ? weight : nil
    }
}
