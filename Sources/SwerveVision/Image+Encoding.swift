internal import CImageCodecs

extension Image {
    /// The most pixels that a side of a WebP picture can have.
    package static let maximumWebPSide = 16_383

    private var size: imgc_size { imgc_size(width: UInt32(width), height: UInt32(height)) }

    /// The image as a JPEG file: baseline, colour subsampled 4:2:0, as Pillow writes it.
    ///
    /// - Parameter quality: from 1 to 100; 75 by default.
    /// - Throws: ``ImageError`` with code `invalidArgument` for an RGBA image (JPEG has no transparency), a side of
    ///   more than 65,500 pixels or a quality out of range; `libraryMissing` or `outOfMemory`.
    public func jpeg(quality: Int = 75) throws(ImageError) -> [UInt8] {
        guard channels != 4 else {
            throw ImageError(.invalidArgument, "JPEG has no transparency: convert the image to .rgb first")
        }
        var bytes = imgc_bytes()
        var error = imgc_error()
        let quality = Int32(clamping: quality)
        let isEncoded = imgc_jpeg_encode(pixels, size, UInt32(channels), quality, &bytes, &error)
        return try Image.taken(isEncoded, &bytes, error)
    }

    /// The image as a PNG file.
    ///
    /// - Parameter level: the compression effort, from 0 (none) to 9; 6 by default. Level 1 takes a fifth of the time
    ///   of level 6.
    /// - Throws: ``ImageError`` with code `invalidArgument` for a level out of range; `libraryMissing` or
    ///   `outOfMemory`.
    public func png(level: Int = 6) throws(ImageError) -> [UInt8] {
        var bytes = imgc_bytes()
        var error = imgc_error()
        let isEncoded = imgc_png_encode(
            pixels,
            size,
            UInt32(channels),
            nil,
            0,
            Int32(clamping: level),
            &bytes,
            &error
        )
        return try Image.taken(isEncoded, &bytes, error)
    }

    /// The image as a PNG file with a palette. The image's single channel holds palette indices.
    ///
    /// - Parameters:
    ///   - palette: the colour of each index.
    ///   - level: the compression effort, from 0 (none) to 9.
    /// - Throws: ``ImageError`` with code `invalidArgument` unless the image has one channel and every pixel is an index
    ///   of the palette; `libraryMissing` or `outOfMemory`.
    public func png(palette: Palette, level: Int = 6) throws(ImageError) -> [UInt8] {
        guard channels == 1 else {
            throw ImageError(.invalidArgument, "an image of indices has 1 channel, not \(channels)")
        }
        try palette.check(covers: pixels)
        var bytes = imgc_bytes()
        var error = imgc_error()
        let colors = palette.colors.flatMap { [$0.red, $0.green, $0.blue] }
        let isEncoded = imgc_png_encode(
            pixels,
            size,
            1,
            colors,
            Int32(palette.colors.count),
            Int32(clamping: level),
            &bytes,
            &error
        )
        return try Image.taken(isEncoded, &bytes, error)
    }

    private static func taken(
        _ isEncoded: Bool,
        _ bytes: inout imgc_bytes,
        _ error: imgc_error
    ) throws(ImageError) -> [UInt8] {
        guard isEncoded else { throw ImageError(error) }
        defer { imgc_bytes_free(&bytes) }
        return Array(UnsafeBufferPointer(start: bytes.data, count: bytes.count))
    }
}
