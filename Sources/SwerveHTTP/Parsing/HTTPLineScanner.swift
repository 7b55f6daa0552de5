internal import SwerveHTTPTypes

/// Finds and checks lines in bytes from the network.
enum HTTPLineScanner {
    enum LineEnd {
        /// The line ends here; CRLF follows.
        case found(Int)
        /// No line end yet; continue from here when there are more bytes.
        case incomplete(Int)
        case failed(HTTPParseError)
    }

    /// Looks for CRLF, and refuses any control character before it except tab.
    @inline(__always)
    static func lineEnd(_ bytes: UnsafeRawBufferPointer, from: Int, limit: Int) -> LineEnd {
        let index = firstControl(bytes, from: from, limit: limit)
        guard index < limit else { return .incomplete(limit) }
        switch bytes[index] {
        case 0x0D:
            guard index + 1 < limit else { return .incomplete(index) }
            return bytes[index + 1] == 0x0A ? .found(index) : .failed(.bareCarriageReturn)
        case 0x0A: return .failed(.bareLineFeed)
        default: return .failed(.controlCharacter)
        }
    }

    /// The index of the first control character other than tab, or `limit`.
    @inline(__always)
    private static func firstControl(_ bytes: UnsafeRawBufferPointer, from: Int, limit: Int) -> Int {
        var index = from
        while index < limit {
            if index &+ 8 <= limit {
                // Eight bytes at a time. The lowest high bit set in `hits` marks the first byte that is below 0x20 or
                // equal to 0x7F. A borrow can set further bits above it, which are ignored.
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
                let hits =
                    ((word &- 0x2020_2020_2020_2020) & ~word | (delete &- 0x0101_0101_0101_0101) & ~delete)
                    & 0x8080_8080_8080_8080
                if hits == 0 {
                    index &+= 8
                    continue
                }
                index &+= hits.trailingZeroBitCount &>> 3
                if bytes[index] != 0x09 { return index }
            } else if !HTTPBytes.isFieldValue(bytes[index]) {
                return index
            }
            index &+= 1
        }
        return limit
    }

    /// The parts of a header line: where the colon is, and the value without the white space around it.
    struct Field {
        var colon: Int
        var valueStart: Int
        var valueEnd: Int
    }

    /// Splits the header line `start..<end`.
    @inline(__always)
    static func field(_ bytes: UnsafeRawBufferPointer, start: Int, end: Int) -> Result<Field, HTTPParseError> {
        let colon = HTTPBytes.tokenEnd(bytes, from: start, to: end)
        guard colon < end, colon > start, bytes[colon] == UInt8(ascii: ":") else {
            let first = bytes[start]
            return .failure(first == 0x20 || first == 0x09 ? .foldedHeader : .badHeaderName)
        }
        var low = colon &+ 1
        var high = end
        while low < high, isBlank(bytes[low]) { low &+= 1 }
        while low < high, isBlank(bytes[high &- 1]) { high &-= 1 }
        return .success(Field(colon: colon, valueStart: low, valueEnd: high))
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Whether the bytes equal `text`, ignoring case. `text` must be in lower case.
    @inline(__always)
    static func equals(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ text: StaticString) -> Bool {
        guard end &- start == text.utf8CodeUnitCount else { return false }
        let text = text.utf8Start
        for offset in 0..<(end &- start) {
            let byte = bytes[start &+ offset]
            let wanted = text[offset]
            let isSame = byte == wanted || wanted >= UInt8(ascii: "a") && byte == wanted &- 0x20
            if !isSame { return false }
        }
        return true
    }
}
