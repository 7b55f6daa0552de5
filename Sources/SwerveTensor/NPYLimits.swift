/// Limits on a `.npy` file, checked before anything is allocated.
public struct NPYLimits: Hashable, Sendable {
    /// The longest header, in bytes. A longer one is refused. NumPy writes 118 bytes for a few dimensions.
    public var maximumHeaderBytes: Int
    /// The most bytes of elements. A header that announces more is refused.
    public var maximumDataBytes: Int
    /// The most dimensions. A shape with more is refused.
    public var maximumRank: Int

    /// - Parameters:
    ///   - maximumHeaderBytes: the longest header; 10,000 bytes by default, as in NumPy.
    ///   - maximumDataBytes: the most bytes of elements; 256 MiB by default.
    ///   - maximumRank: the most dimensions; 32 by default.
    public init(maximumHeaderBytes: Int = 10_000, maximumDataBytes: Int = 256 << 20, maximumRank: Int = 32) {
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumDataBytes = maximumDataBytes
        self.maximumRank = maximumRank
    }
}
