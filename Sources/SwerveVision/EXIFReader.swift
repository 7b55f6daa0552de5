/// Finds the orientation in EXIF and XMP blocks. The blocks come from clients and may hold anything.
enum EXIFReader {
    private static let orientationTag = 0x0112

    /// The number in the orientation tag of the first directory; 0 when the tag does not hold integers, nil when there
    /// is no tag or the block is damaged.
    static func orientation(in block: [UInt8]) -> Int? {
        guard block.count >= 8 else { return nil }
        let isBigEndian: Bool
        switch (block[0], block[1]) {
        case (0x49, 0x49): isBigEndian = false
        case (0x4D, 0x4D): isBigEndian = true
        default: return nil
        }
        /// Reads a number of `count` bytes at `start`; nil beyond the end.
        func number(_ count: Int, at start: Int) -> Int? {
            guard start >= 0, start <= block.count - count else { return nil }
            let bytes = block[start..<(start + count)]
            return isBigEndian
                ? bytes.reduce(0) { $0 << 8 | Int($1) } : bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        guard number(2, at: 2) == 42, let directory = number(4, at: 4), let count = number(2, at: directory) else {
            return nil
        }
        for entry in 0..<count {
            let at = directory + 2 + entry * 12
            guard let tag = number(2, at: at), let type = number(2, at: at + 2), let values = number(4, at: at + 4)
            else { return nil }
            // Types 3 and 8 are integers of two bytes; 4, 9 and 13 are integers of four. Unknown types are skipped.
            guard tag == orientationTag, (1...13).contains(type), values > 0 else { continue }
            let size = [3: 2, 8: 2, 4: 4, 9: 4, 13: 4][type]
            guard let size else { return 0 }
            // Values that do not fit into the entry are stored elsewhere. Of several, the first counts, as in Pillow.
            let isInline = values <= 4 / size
            guard values * size <= block.count else { continue }
            guard let start = isInline ? at + 8 : number(4, at: at + 8), start <= block.count - values * size else {
                return nil
            }
            return number(size, at: start)
        }
        return nil
    }

    /// The digit after the first `tiff:Orientation="` or `tiff:Orientation>`.
    static func orientation(inXMP block: [UInt8]) -> Int? {
        let name = Array("tiff:Orientation".utf8)
        var rest = block[...]
        while let start = rest.firstIndex(of: name[0]) {
            rest = rest[start...]
            if rest.starts(with: name) {
                var value = rest.dropFirst(name.count)
                if value.starts(with: "=\"".utf8) {
                    value = value.dropFirst(2)
                } else if value.first == UInt8(ascii: ">") {
                    value = value.dropFirst()
                } else {
                    value = []
                }
                if let digit = value.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
                    return Int(digit - UInt8(ascii: "0"))
                }
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}
