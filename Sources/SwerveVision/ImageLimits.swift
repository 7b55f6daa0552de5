internal import CImageCodecs

/// What an image file may ask for. Checked against its header before memory for pixels is allocated; a file that asks for
/// more is refused with ``ImageError/Code/tooLarge``.
public struct ImageLimits: Hashable, Sendable, Codable {
    /// The largest width, in pixels.
    public var maximumWidth: Int
    /// The largest height, in pixels.
    public var maximumHeight: Int
    /// The largest product of width and height.
    public var maximumPixels: Int
    /// The most passes of a progressive JPEG, each of which takes time; usual files have ten.
    public var maximumScans: Int
    /// The largest file, in bytes.
    public var maximumFileBytes: Int

    /// - Parameters:
    ///   - maximumWidth: 16,384 pixels unless said otherwise.
    ///   - maximumHeight: 16,384 pixels unless said otherwise.
    ///   - maximumPixels: 64 million unless said otherwise.
    ///   - maximumScans: 50 unless said otherwise.
    ///   - maximumFileBytes: 64 MiB unless said otherwise.
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

    /// Numbers that C cannot hold become the nearest that it can.
    var forC: imgc_limits {
        imgc_limits(
            max_width: UInt32(clamping: min(maximumWidth, Int(Int32.max))),
            max_height: UInt32(clamping: min(maximumHeight, Int(Int32.max))),
            max_pixels: UInt64(clamping: min(maximumPixels, Image.maximumPixels)),
            max_scans: UInt32(clamping: maximumScans)
        )
    }
}
