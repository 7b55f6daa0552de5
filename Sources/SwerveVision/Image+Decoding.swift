internal import CImageCodecs
public import NIOCore

extension Image {
    /// Decodes a JPEG, PNG, WebP, AVIF or HEIC file.
    ///
    /// The pixels are those of Pillow's `Image.open(file).convert(mode)`: the orientation in the metadata is applied
    /// only with `isUpright`, and transparency is kept only for `.rgba`. Palettes and channels of 1 to 16 bits become 8
    /// bits; CMYK becomes RGB on the assumption that it is inverted, as Adobe's is. Truncated files are refused, as in
    /// Pillow; so are JPEG files with 12 bits per channel and lossless or hierarchical JPEG files.
    ///
    /// Of an animated WebP file, the first frame is taken. AVIF and HEIC need libheif; their pictures are always upright,
    /// because these formats record turns as a part of the picture.
    ///
    /// The call blocks for about 6 ms per megapixel.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - format: the channels wanted.
    ///   - isUpright: whether to apply the orientation in the EXIF or XMP metadata, as Pillow's
    ///     `ImageOps.exif_transpose` does; false by default. See ``ImageOrientation``.
    ///   - limits: checked before memory for pixels is allocated.
    /// - Throws: ``ImageError`` with code `unsupportedFormat`, `tooLarge`, `corrupt`, `libraryMissing` or `outOfMemory`.
    public static func decode(
        _ bytes: some Collection<UInt8>,
        as format: PixelFormat = .rgb,
        isUpright: Bool = false,
        limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> Image {
        let decoded = bytes.withContiguousStorageIfAvailable { bytes in
            Result { () throws(ImageError) in
                let image = try decode(contiguous: bytes, as: format, limits: limits)
                return isUpright ? image.upright(from: ImageOrientation(contiguous: bytes)) : image
            }
        }
        if let decoded { return try decoded.get() }
        return try decode(Array(bytes), as: format, isUpright: isUpright, limits: limits)
    }

    /// Decodes the readable bytes of a buffer. See ``decode(_:as:isUpright:limits:)-(Collection<UInt8>,_,_,_)``.
    ///
    /// - Throws: ``ImageError``.
    public static func decode(
        _ buffer: ByteBuffer,
        as format: PixelFormat = .rgb,
        isUpright: Bool = false,
        limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> Image {
        try decode(buffer.readableBytesView, as: format, isUpright: isUpright, limits: limits)
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
            case .webp: imgc_webp_size(bytes.baseAddress, bytes.count, &limits, &size, &error)
            case .heif: imgc_heif_size(bytes.baseAddress, bytes.count, &limits, &size, &error)
            }
        guard isAcceptable else { throw ImageError(error) }

        let channels = UInt32(format.channels)
        var isDecoded = false
        let count = Int(size.width) * Int(size.height) * format.channels
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { pixels, initializedCount in
            isDecoded =
                switch fileFormat {
                case .jpeg:
                    imgc_jpeg_decode(
                        bytes.baseAddress,
                        bytes.count,
                        &limits,
                        size,
                        channels,
                        pixels.baseAddress,
                        &error
                    )
                case .png: imgc_png_decode(bytes.baseAddress, bytes.count, size, channels, pixels.baseAddress, &error)
                case .webp: imgc_webp_decode(bytes.baseAddress, bytes.count, size, channels, pixels.baseAddress, &error)
                case .heif: imgc_heif_decode(bytes.baseAddress, bytes.count, size, channels, pixels.baseAddress, &error)
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
