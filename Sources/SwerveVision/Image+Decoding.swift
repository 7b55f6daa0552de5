internal import CImageCodecs
public import NIOCore

/// The format of an image file, told from its first bytes.
enum ImageFileFormat {
    case jpeg, png

    static let accepted = "JPEG and PNG"

    /// - Throws: ``ImageError`` with code `unsupportedFormat`, naming the format when it is known.
    init(firstBytes: UnsafeBufferPointer<UInt8>) throws(ImageError) {
        if firstBytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if firstBytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else {
            let found = ImageFileFormat.name(ofUnsupported: firstBytes)
            throw ImageError(.unsupportedFormat, "\(found); \(ImageFileFormat.accepted) are accepted")
        }
    }

    private static func name(ofUnsupported bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard !bytes.isEmpty else { return "there are no bytes" }
        let signatures: [(offset: Int, text: String, name: String)] = [
            (0, "GIF8", "a GIF file"), (0, "BM", "a BMP file"), (8, "WEBP", "a WebP file"),
            (0, "II*\0", "a TIFF file"), (0, "MM\0*", "a TIFF file"), (4, "ftyp", "an AVIF, HEIC or video file"),
            (0, "%PDF", "a PDF file"), (0, "<svg", "an SVG file"),
        ]
        let match = signatures.first { bytes.dropFirst($0.offset).starts(with: $0.text.utf8) }
        return match?.name ?? "not an image of a known format"
    }
}

extension Image {
    /// Decodes a JPEG or PNG file.
    ///
    /// The pixels are those of Pillow's `Image.open(file).convert(mode)`: the orientation in the metadata is not applied
    /// and transparency is dropped unless `.rgba` is asked for. Files that end early are refused, as in Pillow.
    ///
    /// The call blocks for some 6 ms per megapixel.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - format: the channels wanted.
    ///   - limits: checked before memory for pixels is allocated.
    /// - Throws: ``ImageError`` with code `unsupportedFormat`, `tooLarge`, `corrupt`, `libraryMissing` or `outOfMemory`.
    public static func decode(
        _ bytes: some Collection<UInt8>,
        as format: PixelFormat = .rgb,
        limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> Image {
        let decoded = bytes.withContiguousStorageIfAvailable { bytes in
            Result { () throws(ImageError) in try decode(contiguous: bytes, as: format, limits: limits) }
        }
        if let decoded { return try decoded.get() }
        return try decode(Array(bytes), as: format, limits: limits)
    }

    /// Decodes the readable bytes of a buffer. See ``decode(_:as:limits:)-(Collection<UInt8>,_,_)``.
    ///
    /// - Throws: ``ImageError``.
    public static func decode(
        _ buffer: ByteBuffer,
        as format: PixelFormat = .rgb,
        limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> Image {
        try decode(buffer.readableBytesView, as: format, limits: limits)
    }

    private static func decode(
        contiguous bytes: UnsafeBufferPointer<UInt8>,
        as format: PixelFormat,
        limits: ImageLimits
    ) throws(ImageError) -> Image {
        let fileFormat = try ImageFileFormat(firstBytes: bytes)
        guard bytes.count <= limits.maximumFileBytes else {
            throw ImageError(.tooLarge, "a file of \(bytes.count) bytes, the limit is \(limits.maximumFileBytes)")
        }
        var error = imgc_error()
        var size = imgc_size()
        var limits = limits.forC
        let isAcceptable =
            switch fileFormat {
            case .jpeg: imgc_jpeg_size(bytes.baseAddress, bytes.count, &limits, &size, &error)
            case .png: imgc_png_size(bytes.baseAddress, bytes.count, &limits, &size, &error)
            }
        guard isAcceptable else { throw ImageError(error) }

        let channels = UInt32(format.channels)
        var isDecoded = false
        let count = Int(size.width) * Int(size.height) * format.channels
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { pixels, initializedCount in
            isDecoded =
                switch fileFormat {
                case .jpeg: imgc_jpeg_decode(bytes.baseAddress, bytes.count, size, channels, pixels.baseAddress, &error)
                case .png: imgc_png_decode(bytes.baseAddress, bytes.count, size, channels, pixels.baseAddress, &error)
                }
            initializedCount = isDecoded ? count : 0
        }
        guard isDecoded else { throw ImageError(error) }
        return Image(
            checkedWidth: Int(size.width),
            height: Int(size.height),
            channels: format.channels,
            pixels: pixels
        )
    }
}
