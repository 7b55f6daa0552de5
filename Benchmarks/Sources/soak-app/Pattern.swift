import NIOCore
import Swerve

/// The bytes of the answers: the same cycle of random bytes as in the driver, starting at any offset. Bytes of another
/// request, and misplaced bytes of the same request, differ from the expected ones.
enum Pattern {
    static let cycle = 4 << 20

    private static let bytes: ByteBuffer = {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(cycle)
        var state: UInt64 = 1
        for _ in 0..<cycle / 8 {
            // SplitMix64.
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            bytes.writeInteger(word ^ (word >> 31), endianness: .little)
        }
        return bytes
    }()

    /// A fresh copy, as a real answer would be.
    static func bytes(_ order: Order) -> ByteBuffer {
        var result = ByteBuffer()
        result.reserveCapacity(order.count)
        var offset = order.offset % cycle
        while result.readableBytes < order.count {
            let count = min(order.count - result.readableBytes, cycle - offset)
            if let part = bytes.getSlice(at: offset, length: count) { result.writeImmutableBuffer(part) }
            offset = 0
        }
        return result
    }
}

/// A part of the pattern that a request asks for.
struct Order: Codable, Sendable {
    var offset: Int
    var count: Int

    init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }

    /// Reads the fields `offset` and `count` of the query. Missing fields count as 0.
    init(_ request: ServeRequest) {
        self.init(
            offset: request.queryValue("offset").flatMap { Int($0) } ?? 0,
            count: request.queryValue("count").flatMap { Int($0) } ?? 0
        )
    }
}

/// Adler-32, as `zlib.adler32` computes it.
func checksum(_ bytes: ByteBuffer) -> UInt32 {
    var low: UInt32 = 1
    var high: UInt32 = 0
    bytes.withUnsafeReadableBytes { bytes in
        for start in stride(from: 0, to: bytes.count, by: 5552) {
            for byte in bytes[start..<min(start + 5552, bytes.count)] {
                low &+= UInt32(byte)
                high &+= low
            }
            low %= 65521
            high %= 65521
        }
    }
    return high << 16 | low
}
