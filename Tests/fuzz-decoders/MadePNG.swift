extension Mutator {
    /// A PNG file of a random kind with random rows, and with correct compression and checksums. It reaches the
    /// decoding of rows, which mutations of a compressed file hardly ever do.
    mutating func madePNG() -> [UInt8] {
        let width = Int.random(in: 1...40, using: &random)
        let height = Int.random(in: 1...40, using: &random)
        let kinds: [(color: UInt8, depths: [UInt8], channels: Int)] = [
            (0, [1, 2, 4, 8, 16], 1), (2, [8, 16], 3), (3, [1, 2, 4, 8], 1), (4, [8, 16], 2), (6, [8, 16], 4),
        ]
        let kind = kinds.randomElement(using: &random) ?? kinds[0]
        let depth = kind.depths.randomElement(using: &random) ?? 8
        let isInterlaced = Bool.random(using: &random)
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let header = bigEndian(width) + bigEndian(height) + [depth, kind.color, 0, 0, isInterlaced ? 1 : 0]
        append("IHDR", header, to: &file)
        if kind.color == 3 || Int.random(in: 0..<8, using: &random) == 0 {
            append("PLTE", block(3 * Int.random(in: 1...(1 << min(8, Int(depth))), using: &random)), to: &file)
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            append("tRNS", block(Int.random(in: 0...8, using: &random)), to: &file)
        }
        let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        var rows: [UInt8] = []
        for (x, y, dx, dy) in isInterlaced ? passes : [(0, 0, 1, 1)] where x < width && y < height {
            let columns = (width - x + dx - 1) / dx
            for _ in 0..<((height - y + dy - 1) / dy) {
                // Filters are 0 to 4; 5 is invalid.
                rows.append(
                    UInt8.random(in: 0...255, using: &random) == 0 ? 5 : UInt8.random(in: 0...4, using: &random)
                )
                rows += block((columns * kind.channels * Int(depth) + 7) / 8)
            }
        }
        append("IDAT", stored(rows), to: &file)
        append("IEND", [], to: &file)
        return withRightChecksums(file)
    }

    private mutating func block(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// Appends a chunk whose checksum is not computed yet.
    private func append(_ name: String, _ content: [UInt8], to file: inout [UInt8]) {
        file += bigEndian(content.count) + Array(name.utf8) + content + [0, 0, 0, 0]
    }

    private func bigEndian(_ number: Int) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// The bytes as a zlib stream without compression.
    private func stored(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x78, 0x01]
        var (a, b): (Int, Int) = (1, 0)
        for start in stride(from: 0, to: bytes.count, by: 65_535) {
            let part = bytes[start..<min(start + 65_535, bytes.count)]
            let isLast = start + part.count == bytes.count
            result += [isLast ? 1 : 0, UInt8(part.count & 0xFF), UInt8(part.count >> 8)]
            result += [UInt8(~part.count & 0xFF), UInt8(~part.count >> 8 & 0xFF)]
            result += part
            for byte in part {
                a = (a + Int(byte)) % 65_521
                b = (b + a) % 65_521
            }
        }
        return result + bigEndian(b << 16 | a)
    }
}
