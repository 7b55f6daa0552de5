/// The normal form of a URL's path (RFC 3986, section 6.2.2): paths that mean the same are the same bytes.
///
/// Escapes of unreserved characters (letters, digits, `-`, `.`, `_`, `~`) are decoded, all other escapes are in upper
/// case, and a character that a path cannot contain is escaped. An escaped slash stays an escape, and dot segments stay
/// as they are.
package enum NormalPath {
    /// The normal form of a path.
    package static func normalized(_ path: String) -> String {
        if path.utf8.allSatisfy(isLiteral) { return path }
        var path = path
        return path.withUTF8 { bytes in
            var normal: [UInt8] = []
            normal.reserveCapacity(bytes.count + 8)
            var index = 0
            while index < bytes.count { append(next(UnsafeRawBufferPointer(bytes), &index), to: &normal) }
            return String(decoding: normal, as: UTF8.self)
        }
    }

    /// Whether a path, as a client sent it, begins with the segments of `prefix`.
    ///
    /// - Parameters:
    ///   - prefix: in its normal form, without a slash at its end.
    /// - Returns: how many bytes of the path belong to the prefix; `nil` if the path lies elsewhere.
    package static func length(of prefix: [UInt8], in path: UnsafeRawBufferPointer) -> Int? {
        var index = 0
        var matched = 0
        while matched < prefix.count {
            guard index < path.count else { return nil }
            switch next(path, &index) {
            case .literal(let byte):
                guard byte == prefix[matched] else { return nil }
                matched += 1
            case .escaped(let byte):
                guard matched + 2 < prefix.count, prefix[matched] == UInt8(ascii: "%"),
                    prefix[matched + 1] == HexDigit.upper(byte >> 4), prefix[matched + 2] == HexDigit.upper(byte & 15)
                else { return nil }
                matched += 3
            }
        }
        return index == path.count || path[index] == UInt8(ascii: "/") ? index : nil
    }

    // MARK: Characters

    private enum Character {
        case literal(UInt8)
        /// A byte that is written as an escape.
        case escaped(UInt8)
    }

    /// The next character in its normal form.
    private static func next(_ path: UnsafeRawBufferPointer, _ index: inout Int) -> Character {
        let byte = path[index]
        index += 1
        guard byte == UInt8(ascii: "%") else { return isLiteral(byte) ? .literal(byte) : .escaped(byte) }
        guard index + 1 < path.count, let high = HexDigit.value(path[index]), let low = HexDigit.value(path[index + 1])
        else {
            return .escaped(byte)
        }
        index += 2
        let value = high << 4 | low
        return isUnreserved(value) ? .literal(value) : .escaped(value)
    }

    private static func append(_ character: Character, to path: inout [UInt8]) {
        switch character {
        case .literal(let byte): path.append(byte)
        case .escaped(let byte): path += [UInt8(ascii: "%"), HexDigit.upper(byte >> 4), HexDigit.upper(byte & 15)]
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether a path contains the character as it is: unreserved, a delimiter, `:`, `@` or the slash between segments.
    private static func isLiteral(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "/"):
            true
        default: isUnreserved(byte)
        }
    }
}

extension NormalPath {
    /// Why no request can have a path below `prefix`, or `nil` if requests can.
    package static func problem(withPrefix prefix: String) -> String? {
        let bytes = Array(prefix.utf8)
        guard bytes.first == UInt8(ascii: "/") else { return "the route prefix '\(prefix)' must start with '/'" }
        if bytes.count > 1, bytes.last == UInt8(ascii: "/") {
            return "the route prefix '\(prefix)' must not end with '/'"
        }
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 0..<0x20, 0x7F: return "the route prefix '\(prefix.debugDescription)' contains a control character"
            case UInt8(ascii: "?"), UInt8(ascii: "#"):
                let escape = byte == UInt8(ascii: "?") ? "%3F" : "%23"
                let character = byte == UInt8(ascii: "?") ? "?" : "#"
                return "the route prefix '\(prefix)' contains '\(character)', which ends a path; write \(escape)"
            case UInt8(ascii: "%"):
                let digits = bytes[(index + 1)...].prefix(2)
                if digits.count < 2 || !digits.allSatisfy({ HexDigit.value($0) != nil }) {
                    return "the route prefix '\(prefix)' has a '%' that begins no escape; write %25"
                }
            default: break
            }
        }
        let segments = normalized(prefix).split(separator: "/", omittingEmptySubsequences: false)
        if segments.contains(".") || segments.contains("..") {
            return "the route prefix '\(prefix)' has a segment '.' or '..', which clients resolve before they send it"
        }
        if segments.count > 1, segments[1] == "-" {
            return "the route prefix '\(prefix)' lies below '/-', where the proxy has its own pages"
        }
        return nil
    }
}
