/// The list of entries that a ZIP file has at its end (APPNOTE.TXT 4.3.12 to 4.3.16), checked.
///
/// What is not needed to read files that common tools write is refused, because readers disagree about it: several parts,
/// ZIP64, encryption, entries that share bytes.
package struct ZipDirectory: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let isFolder: Bool
        package let isLink: Bool
        package let isExecutable: Bool
        /// Whether the bytes are compressed with deflate; otherwise they are stored as they are.
        package let isDeflated: Bool
        package let checksum: UInt32
        package let packedSize: Int
        package let size: Int
        /// Where the entry begins in the file, with a header of its own.
        package let offset: Int
    }

    package let entries: [Entry]
    /// Where the list begins; entries lie before it.
    package let start: Int

    /// The most bytes that the record at the end can have, with its comment.
    private static let maximumEndBytes = 22 + 0xFFFF
    private static let maximumDirectoryBytes = 64 << 20

    /// - Parameters:
    ///   - size: of the file.
    ///   - read: returns so many bytes from an offset on, all of which lie in the file.
    package init(
        size: Int,
        read: (_ offset: Int, _ count: Int) throws(FolderProblem) -> [UInt8]
    ) throws(FolderProblem) {
        let tailSize = min(size, Self.maximumEndBytes)
        let tail = ZipBytes(try read(size - tailSize, tailSize))
        guard let end = Self.findEnd(tail) else {
            throw FolderProblem("", "it is no ZIP file, or a damaged one: its list of entries is missing")
        }
        let endOffset = size - tailSize + end
        let isSplit = tail.number(end + 4, 2) != 0 || tail.number(end + 6, 2) != 0
        let count = tail.number(end + 10, 2)
        let bytes = tail.number(end + 12, 4)
        start = tail.number(end + 16, 4)
        if count == 0xFFFF || bytes == 0xFFFF_FFFF || start == 0xFFFF_FFFF { throw Self.isZip64 }
        if isSplit || tail.number(end + 8, 2) != count {
            throw FolderProblem("", "the ZIP file is one part of several; put them together")
        }
        guard start + bytes == endOffset, bytes <= Self.maximumDirectoryBytes else {
            throw FolderProblem("", "the ZIP file is damaged, or something stands before its first entry")
        }
        let list = ZipBytes(try read(start, bytes))
        var entries: [Entry] = []
        var position = 0
        for _ in 0..<count { entries.append(try Self.entry(list, &position, before: start)) }
        if position != list.count {
            throw FolderProblem("", "the ZIP file is damaged: its list has more than its entries")
        }
        self.entries = entries
        try Self.checkApart(entries)
    }

    /// Refuses entries that share bytes, by which a small file can have any number of large ones.
    private static func checkApart(_ entries: [Entry]) throws(FolderProblem) {
        var end = 0
        for entry in entries.sorted(by: { $0.offset < $1.offset }) {
            if entry.offset < end { throw FolderProblem(entry.name, "shares bytes with another entry") }
            end = entry.offset + 30 + entry.name.utf8.count + entry.packedSize
        }
    }

    private static let isZip64 = FolderProblem(
        "",
        "the ZIP file is in the format ZIP64, for more than 65535 files or 4 GiB, which is not read"
    )

    /// The last record whose comment ends with the file.
    private static func findEnd(_ tail: ZipBytes) -> Int? {
        guard tail.count >= 22 else { return nil }
        return (0...(tail.count - 22)).reversed().first { place in
            tail.number(place, 4) == 0x0605_4B50 && place + 22 + tail.number(place + 20, 2) == tail.count
        }
    }

    private static func entry(
        _ list: ZipBytes,
        _ position: inout Int,
        before start: Int
    ) throws(FolderProblem) -> Entry {
        let damaged = FolderProblem("", "the ZIP file is damaged: an entry of its list cannot be read")
        guard list.count - position >= 46, list.number(position, 4) == 0x0201_4B50 else { throw damaged }
        let (nameSize, extraSize) = (list.number(position + 28, 2), list.number(position + 30, 2))
        let length = 46 + nameSize + extraSize + list.number(position + 32, 2)
        guard list.count - position >= length else { throw damaged }
        defer { position += length }
        let nameBytes = list.slice(position + 46, nameSize)
        guard let name = String(validating: nameBytes, as: UTF8.self) else {
            throw FolderProblem(String(decoding: nameBytes, as: UTF8.self), "has a name that is not UTF-8")
        }
        let (flags, method) = (list.number(position + 8, 2), list.number(position + 10, 2))
        if flags & 1 != 0 || method == 99 { throw FolderProblem(name, "is encrypted") }
        guard method == 0 || method == 8 else {
            throw FolderProblem(name, "is compressed with method \(method); only 0 (stored) and 8 (deflate) are read")
        }
        let packedSize = list.number(position + 20, 4)
        let size = list.number(position + 24, 4)
        let offset = list.number(position + 42, 4)
        if packedSize == 0xFFFF_FFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF { throw isZip64 }
        guard offset + 30 + nameSize + packedSize <= start else {
            throw FolderProblem(name, "lies outside of the ZIP file, which is damaged")
        }
        if method == 0, packedSize != size { throw FolderProblem(name, "is damaged: it has two different sizes") }
        // Only systems like Unix say what kind of file it is; the number is theirs, or macOS's.
        let isUnix = [3, 19].contains(list.number(position + 5, 1))
        let mode = isUnix ? list.number(position + 40, 2) : 0
        let isFolder = name.hasSuffix("/")
        switch mode & 0o170000 {
        case 0, 0o100000, 0o120000:
            if isFolder, mode & 0o170000 != 0 {
                throw FolderProblem(name, "is a folder by its name, and none by its kind")
            }
        case 0o040000: if !isFolder { throw FolderProblem(name, "is a folder by its kind, and none by its name") }
        default: throw FolderProblem(name, "is a device, a socket or a pipe")
        }
        if isFolder, size != 0 { throw FolderProblem(name, "is a folder with bytes in it") }
        return Entry(
            name: isFolder ? String(name.dropLast()) : name,
            isFolder: isFolder,
            isLink: mode & 0o170000 == 0o120000,
            isExecutable: mode & 0o100 != 0,
            isDeflated: method == 8,
            checksum: UInt32(list.number(position + 16, 4)),
            packedSize: packedSize,
            size: size,
            offset: offset
        )
    }

    /// Where an entry's bytes begin, by the header in front of them, which must say the same as the list.
    ///
    /// - Parameter header: its first 30 bytes and the name.
    package static func contentOffset(of entry: Entry, header: [UInt8]) throws(FolderProblem) -> Int {
        let bytes = ZipBytes(header)
        let name = Array(entry.name.utf8) + (entry.isFolder ? [UInt8(ascii: "/")] : [])
        guard bytes.count == 30 + name.count, bytes.number(0, 4) == 0x0403_4B50,
            bytes.number(8, 2) == (entry.isDeflated ? 8 : 0), bytes.number(26, 2) == name.count,
            Array(bytes.slice(30, name.count)) == name
        else {
            throw FolderProblem(entry.name, "is damaged: the list of entries says something else than its own header")
        }
        return entry.offset + 30 + name.count + bytes.number(28, 2)
    }
}

/// Numbers in bytes, the lowest byte first.
struct ZipBytes {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var count: Int { bytes.count }

    func number(_ offset: Int, _ size: Int) -> Int {
        bytes[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    func slice(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> { bytes[offset..<(offset + count)] }
}
