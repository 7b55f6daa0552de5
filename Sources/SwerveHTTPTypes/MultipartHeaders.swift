/// Parses the header lines of a form's parts.
enum MultipartHeaders {
    /// Whether the bytes are a boundary that RFC 2046 allows.
    static func isBoundary(_ bytes: some Collection<UInt8>) -> Bool {
        let last = Array(bytes).last
        return (1...70).contains(bytes.count) && last != UInt8(ascii: " ")
            && bytes.allSatisfy { byte in
                isLetterOrDigit(byte) || "'()+_,-./:=? ".utf8.contains(byte)
            }
    }

    /// Splits a line without its end into the name in lower case and the value without spaces around it.
    static func field(_ line: some BidirectionalCollection<UInt8>) throws(ServeHTTPError) -> (
        name: String, value: String
    ) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw malformed("a header line has no colon") }
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(HTTPBytes.isToken) else {
            throw malformed("a header's name is not a token")
        }
        let value = line[line.index(after: colon)...].drop(while: isSpace)
        // Text in forms is UTF-8 (RFC 7578, 5.1); a value contains no control characters except tabs.
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }),
            let text = String(validating: Array(value), as: UTF8.self)
        else { throw malformed("a header's value has characters that are not allowed") }
        var trimmed = text[...]
        while trimmed.last == " " || trimmed.last == "\t" { trimmed.removeLast() }
        return (String(decoding: name, as: UTF8.self).lowercased(), String(trimmed))
    }

    /// Reads a part's `content-disposition`. A name in the extended notation (`filename*=UTF-8''%e2%82%ac.png`, RFC
    /// 8187) wins over the plain one, wherever it stands.
    static func disposition(_ value: String) throws(ServeHTTPError) -> (name: String, filename: String?) {
        let (kind, parameters) = try valueAndParameters(value, of: "content-disposition")
        func parameter(_ name: String) throws(ServeHTTPError) -> String? {
            let plain = parameters.filter { $0.name == name }
            let extended = parameters.filter { $0.name == name + "*" }
            guard plain.count <= 1, extended.count <= 1 else { throw malformed("a part's \(name) is given twice") }
            if parameters.contains(where: { $0.name.hasPrefix(name + "*") && $0.name != name + "*" }) {
                throw malformed("a \(name) in several pieces (RFC 2231) is not accepted")
            }
            guard let coded = extended.first?.value else { return plain.first?.value }
            return ExtendedValue.decode(coded) ?? plain.first?.value ?? coded
        }
        guard kind == "form-data", let name = try parameter("name") else {
            throw malformed("a part's content disposition is not form-data with a name")
        }
        return (name, try parameter("filename"))
    }

    /// Splits a value such as `form-data; name="picture"; filename="a.png"`. The first word and the names become lower
    /// case.
    static func valueAndParameters(
        _ text: String,
        of field: String
    ) throws(ServeHTTPError) -> (value: String, parameters: [(name: String, value: String)]) {
        var rest = Array(text.utf8)[...]
        let value = rest.prefix { $0 != UInt8(ascii: ";") }
        rest = rest.dropFirst(value.count)
        let word = String(decoding: value, as: UTF8.self).lowercased()
        var parameters: [(name: String, value: String)] = []
        while rest.first == UInt8(ascii: ";") {
            rest = rest.dropFirst().drop(while: isSpace)
            // A trailing semicolon is common and harmless.
            if rest.isEmpty { break }
            let name = rest.prefix(while: HTTPBytes.isToken)
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.first == UInt8(ascii: "=") else {
                throw malformed("\(field) has a bad parameter")
            }
            rest = rest.dropFirst()
            let content = try rest.first == UInt8(ascii: "\"") ? quoted(&rest, of: field) : token(&rest, of: field)
            parameters.append((String(decoding: name, as: UTF8.self).lowercased(), content))
            rest = rest.drop(while: isSpace)
            guard rest.isEmpty || rest.first == UInt8(ascii: ";") else {
                throw malformed("\(field) has a bad parameter")
            }
        }
        return (trimmed(word), parameters)
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>, of field: String) throws(ServeHTTPError) -> String {
        rest = rest.dropFirst()
        var content: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return String(decoding: content, as: UTF8.self) }
            // Only a quote and a backslash are escaped; other backslashes belong to Windows paths.
            if byte == UInt8(ascii: "\\"), let next = rest.first, next == UInt8(ascii: "\"") || next == byte {
                content.append(next)
                rest = rest.dropFirst()
            } else {
                content.append(byte)
            }
        }
        throw malformed("\(field) has an unterminated quote")
    }

    private static func token(_ rest: inout ArraySlice<UInt8>, of field: String) throws(ServeHTTPError) -> String {
        let content = rest.prefix { $0 != UInt8(ascii: ";") && !isSpace($0) }
        guard !content.isEmpty, !content.contains(UInt8(ascii: "\"")) else {
            throw malformed("\(field) has a bad parameter")
        }
        rest = rest.dropFirst(content.count)
        return String(decoding: content, as: UTF8.self)
    }

    private static func trimmed(_ text: String) -> String {
        var rest = text[...]
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return String(rest.drop { $0 == " " || $0 == "\t" })
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }

    private static func malformed(_ what: String) -> ServeHTTPError {
        ServeHTTPError(.badRequest, "multipart form: \(what)")
    }
}
