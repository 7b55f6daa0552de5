/// A parameter in the notation for other characters than ASCII, such as `UTF-8'en'%e2%82%ac%20rates` (RFC 8187).
enum ExtendedValue {
    /// - Returns: `nil` if the notation or the character set is another one. Bytes that are not UTF-8 are repaired, and
    ///   a percent sign that begins no escape is kept.
    static func decode(_ text: String) -> String? {
        let parts = text.utf8.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let bytes = PercentEncoding.bytes(parts[2])
        switch String(decoding: parts[0], as: UTF8.self).lowercased() {
        case "utf-8": return String(decoding: bytes, as: UTF8.self)
        // Its bytes are the first 256 characters of Unicode.
        case "iso-8859-1", "us-ascii": return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        default: return nil
        }
    }
}
