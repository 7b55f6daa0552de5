/// What a byte may be used for in HTTP/1.1 (RFC 9110, sections 5.5 and 5.6.2).
package enum HTTPBytes {
    /// A character of a method or of a header's name.
    @inlinable
    package static func isToken(_ byte: UInt8) -> Bool {
        // Bit sets of the token characters below 64 (! # $ % & ' * + - . 0-9) and from 64 on (A-Z ^ _ ` a-z | ~).
        let word: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : byte < 128 ? 0x57FF_FFFF_C7FF_FFFE : 0
        return (word &>> UInt64(byte & 63)) & 1 == 1
    }

    /// Where the token that begins at `start` ends; at most `end`.
    package static func tokenEnd(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, isToken(bytes[index]) { index &+= 1 }
        return index
    }

    /// A byte of a header's value: anything except control characters other than tab.
    @inlinable
    package static func isFieldValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }

    /// A byte of a request target: visible ASCII except `#`.
    @inlinable
    package static func isTarget(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#")
    }

    @inlinable
    package static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }
}
