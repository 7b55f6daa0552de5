extension ImageMetadata {
    /// Reads the chunks that the file's header announces, as libwebp does. Of several, the first counts.
    mutating func readWebP(_ file: Span<UInt8>) {
        guard file.count >= 30, Self.begins(file, at: 12, with: Array("VP8X".utf8)) else { return }
        let flags = file[20]
        let (hasEXIF, hasXMP) = (flags & 0x08 != 0, flags & 0x04 != 0)
        guard hasEXIF || hasXMP else { return }
        var at = 12
        while at + 8 <= file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[at + 4 + $1]) << (8 * $1) }
            let start = at + 8
            guard length <= file.count - start else { return }
            if hasEXIF, exif.isEmpty, Self.begins(file, at: at, with: Array("EXIF".utf8)) {
                // Some writers repeat the prefix that only JPEG needs.
                let prefix = Self.begins(file, at: start, end: start + length, with: Self.exifPrefix) ? 6 : 0
                exif = Self.copy(file, start + prefix, start + length)
            } else if hasXMP, xmp.isEmpty, Self.begins(file, at: at, with: Array("XMP ".utf8)) {
                xmp = Self.copy(file, start, start + length)
            }
            // Chunks begin at even places.
            at = start + length + length % 2
        }
    }
}
