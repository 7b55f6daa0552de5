/// SplitMix64, which gives the same numbers on each run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Changes files at random, in the ways that break parsers.
struct Mutator {
    var random: SeededGenerator
    private var words = words

    init(random: SeededGenerator) {
        self.random = random
    }

    /// Numbers at which sizes and counts overflow or change sign, truncated to the bytes that they replace.
    private static let edges: [UInt64] = [
        0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000,
        0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF,
    ]
    static let words = [
        "9223372036854775807", "4294967296", "-1", "0", "99999999999999999999", "\r\n", "\r\n\r\n", "--", "\"", "\\",
        ";", "(",
        ")", ",", "'", "\0", "Exif\0\0", "IDAT", "tRNS", "PLTE", "\u{FF}",
    ]

    /// A copy of a file with one to eight changes.
    ///
    /// - Parameters:
    ///   - file: the file to copy.
    ///   - other: a file of the same kind, from which parts may be taken.
    ///   - words: texts that may be inserted.
    mutating func mutated(_ file: [UInt8], with other: [UInt8], words: [String] = words) -> [UInt8] {
        self.words = words
        var result = file
        // Inputs with few changes get far into a decoder; those with many test how it fails.
        let changes = Bool.random(using: &random) ? 1 : Int.random(in: 2...8, using: &random)
        // Half of the inputs are changed only near the beginning, where headers are.
        let reach = Bool.random(using: &random) ? 96 : Int.max
        for _ in 0..<changes { change(&result, other, reach) }
        return result
    }

    private mutating func change(_ file: inout [UInt8], _ other: [UInt8], _ reach: Int) {
        guard !file.isEmpty else { return file = other }
        let at = Int.random(in: 0..<min(file.count, reach), using: &random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0...1: file[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: file[at] = UInt8.random(in: 0...255, using: &random)
        case 3: file[at] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
        case 4...5: setNumber(&file, at)
        case 6: file.removeSubrange(at..<piece(of: file, from: at))
        case 7: file.insert(contentsOf: file[at..<piece(of: file, from: at)], at: at)
        case 8: file.removeSubrange(Int.random(in: 0..<file.count, using: &random)...)
        case 9:
            let word = Array((words.randomElement(using: &random) ?? "").utf8)
            let end = Bool.random(using: &random) ? at : min(file.count, at + word.count)
            file.replaceSubrange(at..<end, with: word)
        case 10 where !other.isEmpty:
            let from = Int.random(in: 0..<other.count, using: &random)
            let end = piece(of: other, from: from)
            file.replaceSubrange(at..<min(file.count, at + end - from), with: other[from..<end])
        case 11...12: setDigits(&file, from: at)
        default:
            let block = (0..<Int.random(in: 1...32, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            file.insert(contentsOf: block, at: at)
        }
    }

    /// Replaces the next number that is written in digits.
    private mutating func setDigits(_ file: inout [UInt8], from start: Int) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = file[start...].firstIndex(where: digits.contains) else { return }
        let end = file[first...].firstIndex { !digits.contains($0) } ?? file.count
        let small = UInt64.random(in: 0...20, using: &random)
        let number = Bool.random(using: &random) ? small : Self.edges.randomElement(using: &random) ?? small
        file.replaceSubrange(first..<end, with: Array(String(number).utf8))
    }

    private mutating func piece(of file: [UInt8], from start: Int) -> Int {
        min(file.count, start + Int.random(in: 1...64, using: &random))
    }

    /// Writes a number of 1, 2, 4 or 8 bytes in either byte order.
    private mutating func setNumber(_ file: inout [UInt8], _ at: Int) {
        let count = [1, 2, 4, 8].randomElement(using: &random) ?? 1
        let number = Self.edges.randomElement(using: &random) ?? 0
        let isBigEndian = Bool.random(using: &random)
        for i in 0..<min(count, file.count - at) {
            let shift = UInt64(8 * (isBigEndian ? count - 1 - i : i))
            file[at + i] = UInt8(truncatingIfNeeded: number >> shift)
        }
    }
}

/// Corrects the checksums of a PNG file as far as its chunks can be found. Without this no change would get past them.
func withRightChecksums(_ file: [UInt8]) -> [UInt8] {
    var file = file
    var at = 8
    while at + 12 <= file.count {
        let length = file[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
        guard length <= file.count - at - 12 else { break }
        let end = at + 8 + length
        var crc = UInt32.max
        for byte in file[(at + 4)..<end] { crc = crc >> 8 ^ crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
        for i in 0..<4 { file[end + i] = UInt8(truncatingIfNeeded: ~crc >> UInt32(24 - 8 * i)) }
        at = end + 4
    }
    return file
}

private let crcTable: [UInt32] = (0..<256).map { (number: UInt32) in
    (0..<8).reduce(number) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
}
