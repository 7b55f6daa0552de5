/// Divides what a process writes into lines. A longer line than allowed is cut, and says how much of it is missing.
package struct LineSplitter: Sendable {
    /// The longest line, in bytes.
    private let limit: Int
    private var partial: [UInt8] = []
    /// How many bytes of the present line are not kept.
    private var cut = 0

    /// - Parameter limit: the longest line, in bytes.
    package init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: the lines that end with these bytes, without their ends. Bytes that are no UTF-8 are replaced.
    package mutating func wrote(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(endLine())
            } else if partial.count < limit {
                partial.append(byte)
            } else {
                cut += 1
            }
        }
        return lines
    }

    /// - Returns: a last line without an end; `nil` if there is none.
    package mutating func end() -> String? { partial.isEmpty ? nil : endLine() }

    private mutating func endLine() -> String {
        defer { (partial, cut) = ([], 0) }
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        guard cut > 0 else { return String(decoding: partial, as: UTF8.self) }
        // No character is cut in half.
        while let last = partial.last, last & 0xC0 == 0x80 { partial.removeLast() }
        if let last = partial.last, last >= 0xC0 { partial.removeLast() }
        let missing = cut + limit - partial.count
        return String(decoding: partial, as: UTF8.self) + " … (\(missing) bytes more)"
    }
}
