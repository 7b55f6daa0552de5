import Foundation
import NIOCore
import SwerveHTTPTypes

/// Decodes coded content, whole and in pieces. The first byte of an input chooses the codings.
enum CodingTarget {
    private static let codings: [[ContentCoding]] = [[.gzip], [.deflate], [.gzip, .gzip], [.deflate, .gzip]]
    private static let ratio = 200

    private struct Decoded {
        var bytes = 0
        /// Depends on each of the first bytes and its place. All of a bomb would take long.
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        var error: ServeHTTPError?

        mutating func add(_ piece: ByteBuffer) {
            let hashed = max(0, 8192 - bytes)
            bytes += piece.readableBytes
            for byte in piece.readableBytesView.prefix(hashed) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
    }

    static func run(_ input: UnsafeBufferPointer<UInt8>, round: Int) throws -> String {
        guard let first = input.first else { return "empty" }
        let codings = codings[Int(first) % codings.count]
        let data = UnsafeBufferPointer(rebasing: input.dropFirst())
        var random = SeededGenerator(seed: UInt64(round))
        let whole = try decode([ByteBuffer(bytes: data)], codings)
        let split = try decode(HTTPTargets.pieces(data, using: &random), codings)
        // The ratio is looked at between pieces, whose ends differ, so only one of the two may be over it. Of data that
        // is refused, more or less may be decoded before.
        let isOverRatio = [whole, split].contains { $0.error?.status == .contentTooLarge }
        let isSame = whole.digest == split.digest && whole.bytes == split.bytes
        guard isOverRatio || whole.error?.status == split.error?.status && (whole.error != nil || isSame) else {
            throw WrongResult(message: "in pieces \(split), but whole \(whole)")
        }
        if let error = whole.error { return "\(error.status.code)" }
        return "accepted"
    }

    private static func decode(_ pieces: [ByteBuffer], _ codings: [ContentCoding]) throws -> Decoded {
        var decoder = ContentDecoder(ContentDecoding(codings: codings, maximumRatio: ratio))
        var decoded = Decoded()
        var rest = pieces[...]
        var fed = 0
        do {
            reading: while true {
                switch try decoder.next() {
                case .end: break reading
                case .needsMore:
                    let piece = rest.popFirst()
                    fed += piece?.readableBytes ?? 0
                    decoder.feed(piece)
                case .bytes(let piece):
                    decoded.add(piece)
                    guard (1...ContentDecoder.pieceBytes).contains(piece.readableBytes),
                        decoded.bytes <= max(ContentDecoding.alwaysAllowedBytes, ratio * fed)
                    else { throw WrongResult(message: "\(decoded) out of \(fed) bytes") }
                }
            }
        } catch let error as ServeHTTPError {
            decoded.error = error
        }
        return decoded
    }

    /// Data made by Python's zlib and gzip, each behind the byte that chooses its codings.
    static let seeds: [[UInt8]] = texts.compactMap { index, text in
        Data(base64Encoded: text).map { [index] + $0 }
    }

    private static let texts: [(UInt8, String)] = [
        // Text.
        (
            0,
            "H4sIAAAAAAACAwvJSFUoLM1MzlZIKsovz1NIy69QyCrNLShWyC9LLVIoAUrnJFZVKqTkp+sphIwqHlU8qpjaigHmSmawhAMA"
                + "AA=="
        ),
        // Stored.
        (
            0,
            "H4sIAAAAAAAEAwFkAJv/VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gVGhlIHF1aWNrIGJy"
                + "b3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gVGhlIHF1aWNrIPLizEpkAAAA"
        ),
        // Two members.
        (
            0,
            "H4sIAAAAAAAAA8vPSwUA8YZsegMAAAAfiwgAAAAAAAQDC8lIVSgszUzOVkgqyi/PU0jLr1DIKs0tKFbIL0stUigBSuckVlUq"
                + "pOSn6ymEjCoeDY3RtEHtnAIA5kpmsIQDAAA="
        ),
        // Zeros.
        (
            0,
            "H4sIAAAAAAACA+3BAQ0AAADCoPdPbQ8HFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/Bj74rL24JMEAA=="
        ),
        // A header with a name, a comment and a checksum.
        (
            0,
            "H4sIHgAAAAAA/wQAYWJjZG5hbWUAY29tbWVudAAdbgvJSFUoLM1MzlZIKsovz1NIy69QyCrNLShWyC9LLVIoAUrnJFZVKqTk"
                + "p+sphIwqHlU8qpjaigHmSmawhAMAAA=="
        ),
        // Zlib.
        (1, "eNoLyUhVKCzNTM5WSCrKL89TSMuvUMgqzS0oVsgvSy1SKAFK5yRWVSqk5KfrKYSMKh5VPKqY2ooBR6VDHA=="),
        // Raw.
        (1, "C8lIVSgszUzOVkgqyi/PU0jLr1DIKs0tKFbIL0stUigBSuckVlUqpOSn6ymEjCoeVTyqmNqKAQ=="),
        // Raw, fixed codes.
        (
            1,
            "AQAB//4AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFC"
                + "Q0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImK"
                + "i4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx8jJysvMzc7P0NHS"
                + "09TV1tfY2drb3N3e3+Dh4uPk5ebn6Onq6+zt7u/w8fLz9PX29/j5+vv8/f7/"
        ),
        // A small window.
        (1, "GNMLyUhVKCzNTM5WSCrKL89TSMuvUMgqzS0oVsgvSy1SKAFK5yRWVSqk5KfrKYSMKh5VPKqY2ooBR6VDHA=="),
        // A dictionary.
        (1, "eLsAAAABS0xKBgA="),
        // Gzip in gzip.
        (
            2,
            "H4sIAAAAAAACA5Pv5mAAASZm7pMeoRo6Z33OhXlondI/H+xxen3ACa2zuhphJ/S9dYM0GL2eq4SFai15svy1ZkuPllyozaoZ"
                + "t7oYn3mlbWhhZmAAAIn9K6xJAAAA"
        ),
        // A bomb in a bomb.
        (
            2,
            "H4sIAAAAAAACA+3XsQ2CQACF4TsuJhdGsCEm7sAEzsEqJJQ2DuAOLGDDCrSsQBhBPMbAfF/11697zTOHQ5XWKcYS/es7brkO"
                + "AAAAwJ/rlyFVR9z2rr3bAwAAAE7gfXl85mu59eEH2xnUp+8fAAA="
        ),
        // Deflate in gzip.
        (
            3,
            "H4sIAAAAAAAAAwFEAbv+Y2BkYmZhZWPn4OTi5uHl4xcQFBIWERUTl5CUkpaRlZNXUFRSVlFVU9fQ1NLW0dXTNzA0MjYxNTO3"
                + "sLSytrG1s3dwdHJ2cXVz9/D08vbx9fMPCAwKDgkNC4+IjIqOiY2LT0hMSk5JTUvPyMzKzsnNyy8oLCouKS0rr6isqq6pratv"
                + "aGxqbmlta+/o7Oru6e3rnzBx0uQpU6dNnzFz1uw5c+fNX7Bw0eIlS5ctX7Fy1eo1a9et37Bx0+YtW7dt37Fz1+49e/ftP3Dw"
                + "0OEjR48dP3Hy1OkzZ8+dv3Dx0uUrV69dv3Hz1u07d+/df/Dw0eMnT589f/Hy1es3b9+9//Dx0+cvX799//Hz1+8/f//9D8lI"
                + "VSgszUzOVkgqyi/PU0jLr1DIKs0tKFbIL0stUigBSuckVlUqpOSn6ymMKh5VPKqY6ooBJEMdykQBAAA="
        ),
    ]
}
