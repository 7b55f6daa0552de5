internal import CImageCodecs

extension Image {
    /// The image as a WebP file: lossy colours, exact transparency, as Pillow writes it.
    ///
    /// - Parameter quality: from 0 to 100; 80 by default, as in Pillow.
    /// - Throws: ``ImageError`` with code `invalidArgument` for a side of more than 16,383 pixels or a quality out of
    ///   range; `libraryMissing` or `outOfMemory`.
    public func webp(quality: Int = 80) throws(ImageError) -> [UInt8] {
        guard (0...100).contains(quality) else {
            throw ImageError(.invalidArgument, "the quality must be from 0 to 100, not \(quality)")
        }
        return try webp(cQuality: Int32(quality))
    }

    /// The image as a WebP file from which the same pixels are decoded. It takes longer than PNG and is smaller.
    ///
    /// Only the colours of fully transparent pixels are not kept.
    ///
    /// - Throws: ``ImageError`` with code `invalidArgument` for a side of more than 16,383 pixels; `libraryMissing` or
    ///   `outOfMemory`.
    public func webpLossless() throws(ImageError) -> [UInt8] {
        try webp(cQuality: -1)
    }

    private func webp(cQuality: Int32) throws(ImageError) -> [UInt8] {
        var bytes = imgc_bytes()
        var error = imgc_error()
        let size = imgc_size(width: UInt32(width), height: UInt32(height))
        let isEncoded = imgc_webp_encode(pixels, size, UInt32(channels), cQuality, &bytes, &error)
        guard isEncoded else { throw ImageError(error) }
        defer { imgc_bytes_free(&bytes) }
        return Array(UnsafeBufferPointer(start: bytes.data, count: bytes.count))
    }
}
