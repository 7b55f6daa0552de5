internal import CImageCodecs

/// Limits on an image file. They are checked against its header before memory for pixels is allocated; a file that
/// exceeds one is refused with ``ImageError/Code/tooLarge``.
public struct ImageLimits: Hashable, Sendable, Codable {
    /// The largest width, in pixels.
    public var maximumWidth: Int
    /// The largest height, in pixels.
    public var maximumHeight: Int
    /// The largest product of width and height.
    public var maximumPixels: Int
    /// The most scans of a progressive JPEG, counted while they are decoded. Each takes time; most files have ten.
    public var maximumScans: Int
    /// The largest file, in bytes.
    public var maximumFileBytes: Int

    /// - Parameters:
    ///   - maximumWidth: 16,384 pixels by default.
    ///   - maximumHeight: 16,384 pixels by default.
    ///   - maximumPixels: 64 million by default.
    ///   - maximumScans: 50 by default.
    ///   - maximumFileBytes: 64 MiB by default.
    public init(
        maximumWidth: Int = 16_384,
        maximumHeight: Int = 16_384,
        maximumPixels: Int = 64_000_000,
        maximumScans: Int = 50,
        maximumFileBytes: Int = 64 << 20
    ) {
        self.maximumWidth = maximumWidth
        self.maximumHeight = maximumHeight
        self.maximumPixels = maximumPixels
        self.maximumScans = maximumScans
        self.maximumFileBytes = maximumFileBytes
    }

    /// Converts the limits for C; numbers out of range become the nearest one in range.
    var forC: imgc_limits {
        imgc_limits(
            max_width: UInt32(clamping: min(maximumWidth, Int(Int32.max))),
            max_height: UInt32(clamping: min(maximumHeight, Int(Int32.max))),
            max_pixels: UInt64(clamping: min(maximumPixels, Image.maximumPixels)),
            max_scans: UInt32(clamping: maximumScans)
        )
    }
}
