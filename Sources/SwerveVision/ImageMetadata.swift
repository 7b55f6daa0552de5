/// The EXIF and XMP blocks of a JPEG, PNG or WebP file, unparsed.
struct ImageMetadata {
    /// EXIF: a TIFF file that holds tags. Empty when there is none.
    var exif: [UInt8] = []
    /// XMP: XML. Empty when there is none.
    var xmp: [UInt8] = []

    /// The most bytes to read of each block; the rest is left out. Cameras write up to 64 KiB of EXIF, including a
    /// thumbnail.
    static let maximumBytes = 1 << 20

    static let exifPrefix = Array("Exif\0\0".utf8)
    private static let jpegXMPPrefix = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    /// The keyword, no compression, an empty language and an empty translated keyword.
    private static let pngXMPPrefix = Array("XML:com.adobe.xmp\0\0\0\0\0".utf8)

    /// Collects the blocks. Never fails: from a damaged file it collects what comes before the damage.
    init(file: Span<UInt8>) {
        if Self.begins(file, at: 0, with: [0xFF, 0xD8]) {
            readJPEG(file)
        } else if Self.begins(file, at: 0, with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            readPNG(file)
        } else if Self.begins(file, at: 0, with: Array("RIFF".utf8)), Self.begins(file, at: 8, with: Array("WEBP".utf8))
        {
            readWebP(file)
        }
    }

    /// Reads the segments up to the first scan, as Pillow does.
    private mutating func readJPEG(_ file: Span<UInt8>) {
        var at = 2
        while at + 1 < file.count {
            // Skips fill bytes and bytes that are not a marker, as Pillow does.
            guard file[at] == 0xFF, file[at + 1] != 0xFF, file[at + 1] != 0 else {
                at += 1
                continue
            }
            let marker = file[at + 1]
            at += 2
            if marker == 0xDA || marker == 0xD9 { return }
            if marker == 0x01 || (0xD0...0xD8).contains(marker) { continue }
            guard at + 1 < file.count else { return }
            let end = at + (Int(file[at]) << 8 | Int(file[at + 1]))
            guard end >= at + 2, end <= file.count else { return }
            if marker == 0xE1 { take(segment: at + 2, end, of: file) }
            at = end
        }
    }

    private mutating func take(segment start: Int, _ end: Int, of file: Span<UInt8>) {
        if Self.begins(file, at: start, end: end, with: Self.exifPrefix) {
            // Long EXIF continues in further segments.
            append(file, start + Self.exifPrefix.count, end)
        } else if Self.begins(file, at: start, end: end, with: Self.jpegXMPPrefix) {
            xmp = Self.copy(file, start + Self.jpegXMPPrefix.count, end)
        }
    }

    private mutating func readPNG(_ file: Span<UInt8>) {
        var at = 8
        while at + 12 <= file.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(file[at + $1]) }
            let start = at + 8
            guard length <= file.count - at - 12 else { return }
            if Self.begins(file, at: at + 4, with: Array("eXIf".utf8)) {
                exif = []
                let prefix = Self.begins(file, at: start, end: start + length, with: Self.exifPrefix) ? 6 : 0
                append(file, start + prefix, start + length)
            } else if Self.begins(file, at: at + 4, with: Array("iTXt".utf8)),
                Self.begins(file, at: start, end: start + length, with: Self.pngXMPPrefix)
            {
                xmp = Self.copy(file, start + Self.pngXMPPrefix.count, start + length)
            }
            at = start + length + 4
        }
    }

    private mutating func append(_ file: Span<UInt8>, _ start: Int, _ end: Int) {
        exif += Self.copy(file, start, min(end, start + Self.maximumBytes - exif.count))
    }

    static func copy(_ file: Span<UInt8>, _ start: Int, _ end: Int) -> [UInt8] {
        let end = min(end, start + maximumBytes)
        guard start < end else { return [] }
        return [UInt8](unsafeUninitializedCapacity: end - start) { target, count in
            for i in start..<end { target.initializeElement(at: i - start, to: file[i]) }
            count = end - start
        }
    }

    static func begins(_ file: Span<UInt8>, at start: Int, end: Int? = nil, with prefix: [UInt8]) -> Bool {
        guard prefix.count <= (end ?? file.count) - start else { return false }
        for (i, byte) in prefix.enumerated() where file[start + i] != byte { return false }
        return true
    }
}
