/// The format of an image file, recognized by its first bytes.
enum ImageFileFormat {
    case jpeg, png, webp
    /// AVIF and HEIC, the kinds of HEIF.
    case heif

    static let accepted = "JPEG, PNG, WebP, AVIF and HEIC"
    /// The formats whose libraries are always needed.
    static let common = "JPEG, PNG and WebP"

    /// - Throws: ``ImageError`` with code `unsupportedFormat`, naming the format when it is known.
    init(firstBytes: UnsafeBufferPointer<UInt8>) throws(ImageError) {
        if firstBytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if firstBytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if firstBytes.starts(with: Array("RIFF".utf8)), firstBytes.dropFirst(8).starts(with: Array("WEBP".utf8))
        {
            self = .webp
        } else if ImageFileFormat.isHEIF(firstBytes) {
            self = .heif
        } else {
            let found = ImageFileFormat.name(ofUnsupported: firstBytes)
            throw ImageError(.unsupportedFormat, "\(found); \(ImageFileFormat.accepted) are accepted")
        }
    }

    private static let pickle = "a Python pickle, which is never read, because reading one runs code from it"

    /// Whether the file's major brand is one of AVIF or HEIC.
    private static func isHEIF(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.dropFirst(4).starts(with: Array("ftyp".utf8)) else { return false }
        let brand = String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self)
        return heifBrands.contains(brand)
    }

    private static let heifBrands: Set<String> = [
        "avif", "avis", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "msf1",
    ]

    /// The first bytes of formats that clients send by mistake. The first match counts.
    private static let signatures: [(offset: Int, bytes: [UInt8], name: String)] = [
        (0, Array("GIF8".utf8), "a GIF file"),
        (0, [0x49, 0x49, 0x2A, 0x00], "a TIFF file"), (0, [0x4D, 0x4D, 0x00, 0x2A], "a TIFF file"),
        (0, [0x49, 0x49, 0x2B, 0x00], "a TIFF file"), (0, [0x4D, 0x4D, 0x00, 0x2B], "a TIFF file"),
        (4, Array("ftyp".utf8), "a video or an image of the MPEG-4 family"),
        (0, [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000 file"),
        (0, [0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 codestream"),
        (0, [0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL file"), (0, [0xFF, 0x0A], "a JPEG XL file"),
        (0, [0x00, 0x00, 0x01, 0x00], "an icon (ICO) file"),
        (0, Array("8BPS".utf8), "a Photoshop file"), (0, Array("qoif".utf8), "a QOI file"),
        (0, [0x76, 0x2F, 0x31, 0x01], "an OpenEXR file"), (0, Array("DDS ".utf8), "a DDS file"),
        (0, Array("%PDF".utf8), "a PDF file"), (0, Array("<svg".utf8), "an SVG file"),
        (0, Array("<?xml".utf8), "an XML or SVG file"), (0, [0x1F, 0x8B], "a gzip file"),
        (0, [0x50, 0x4B, 0x03, 0x04], "a ZIP file"), (0, [0x93] + Array("NUMPY".utf8), "a NumPy array"),
        (0, Array("P1".utf8), "a PNM file"), (0, Array("P2".utf8), "a PNM file"), (0, Array("P3".utf8), "a PNM file"),
        (0, Array("P4".utf8), "a PNM file"), (0, Array("P5".utf8), "a PNM file"), (0, Array("P6".utf8), "a PNM file"),
        (0, Array("BM".utf8), "a BMP file"),
        // Protocols 2 to 5; older ones do not begin with a mark.
        (0, [0x80, 0x02], pickle), (0, [0x80, 0x03], pickle), (0, [0x80, 0x04], pickle), (0, [0x80, 0x05], pickle),
    ]

    private static func name(ofUnsupported bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard !bytes.isEmpty else { return "there are no bytes" }
        let match = signatures.first { bytes.dropFirst($0.offset).starts(with: $0.bytes) }
        return match?.name ?? "not an image of a known format"
    }
}
