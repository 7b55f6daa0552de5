import CZlib

/// Writes ZIP files, also wrong ones.
struct ZipBuilder {
    struct Entry {
        var name: String
        var content: [UInt8] = []
        var isDeflated = false
        var mode: UInt32 = 0o100644
        var flags: UInt16 = 0
        /// What the list says, where it is wrong.
        var method: UInt16?
        var size: UInt32?
        var checksum: UInt32?
        var offset: UInt32?
        /// The name in the header before the content, where it is another.
        var localName: String?
    }

    var entries: [Entry] = []
    var comment: [UInt8] = []
    var prefix: [UInt8] = []

    init(_ entries: Entry...) {
        self.entries = entries
    }

    init(_ entries: [Entry]) {
        self.entries = entries
    }

    /// The bytes of the file.
    var bytes: [UInt8] {
        var file = prefix
        var list: [UInt8] = []
        for entry in entries {
            let offset = UInt32(file.count)
            let packed = entry.isDeflated ? deflated(entry.content) : entry.content
            let checksum = entry.checksum ?? UInt32(crc32(0, entry.content, uInt(entry.content.count)))
            let method = entry.method ?? (entry.isDeflated ? 8 : 0)
            let size = entry.size ?? UInt32(entry.content.count)
            var common: [UInt8] =
                number(20, 2) + number(UInt32(entry.flags), 2) + number(UInt32(method), 2) + number(0, 4)
            common += number(checksum, 4) + number(UInt32(packed.count), 4) + number(size, 4)
            let local = Array((entry.localName ?? entry.name).utf8)
            file += number(0x0403_4B50, 4) + common + number(UInt32(local.count), 2) + number(0, 2) + local + packed
            let name = Array(entry.name.utf8)
            list += number(0x0201_4B50, 4) + number(3 << 8 | 20, 2) + common + number(UInt32(name.count), 2)
            list += number(0, 2) + number(0, 2) + number(0, 2) + number(0, 2) + number(entry.mode << 16, 4)
            list += number(entry.offset ?? offset, 4) + name
        }
        let count = number(UInt32(entries.count), 2)
        let start = UInt32(file.count)
        file += list + number(0x0605_4B50, 4) + number(0, 4) + count + count
        file += number(UInt32(list.count), 4) + number(start, 4) + number(UInt32(comment.count), 2) + comment
        return file
    }

    private func number(_ value: UInt32, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream,
            9,
            Z_DEFLATED,
            -15,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        defer { deflateEnd(&stream) }
        var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + 100))
        let room = output.count
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = uInt(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = uInt(output.count)
                _ = deflate(&stream, Z_FINISH)
            }
        }
        return Array(output[..<(room - Int(stream.avail_out))])
    }
}
