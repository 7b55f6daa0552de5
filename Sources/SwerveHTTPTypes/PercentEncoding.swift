internal import SwerveCore

/// Decodes percent-encoding as the URL standard does: a malformed escape stands for itself, and bytes that are not
/// UTF-8 are repaired.
enum PercentEncoding {
    static func decode(_ text: some StringProtocol, plusIsSpace: Bool) -> String {
        let escape = UInt8(ascii: "%")
        let plus = UInt8(ascii: "+")
        guard text.utf8.contains(where: { $0 == escape || plusIsSpace && $0 == plus }) else { return String(text) }
        return String(decoding: self.bytes(text.utf8, plusIsSpace: plusIsSpace), as: UTF8.self)
    }

    static func bytes(_ text: some Sequence<UInt8>, plusIsSpace: Bool = false) -> [UInt8] {
        let escape = UInt8(ascii: "%")
        let plus = UInt8(ascii: "+")
        let source = Array(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            let byte = source[index]
            if byte == escape, index + 2 < source.count, let high = HexDigit.value(source[index + 1]),
                let low = HexDigit.value(source[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(plusIsSpace && byte == plus ? UInt8(ascii: " ") : byte)
                index += 1
            }
        }
        return bytes
    }

    /// Reads `a=1&b=2`. A field without `=` has an empty value; empty fields are left out.
    static func formItems(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { field in
            guard let equals = field.firstIndex(of: "=") else { return (decode(field, plusIsSpace: true), "") }
            let value = field[field.index(after: equals)...]
            return (decode(field[..<equals], plusIsSpace: true), decode(value, plusIsSpace: true))
        }
    }
}
