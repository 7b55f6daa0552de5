/// What a `.npy` file may ask for. Checked before anything is allocated.
public struct NPYLimits: Hashable, Sendable {
    /// The longest header, in bytes. NumPy writes 118 for a few dimensions. A longer one is refused.
    public var maximumHeaderBytes: Int
    /// The most bytes of elements. A header that asks for more is refused.
    public var maximumDataBytes: Int
    /// The most dimensions. A shape with more is refused.
    public var maximumRank: Int

    /// - Parameters:
    ///   - maximumHeaderBytes: the longest header; 10,000 bytes unless said otherwise, as in NumPy.
    ///   - maximumDataBytes: the most bytes of elements; 256 MiB unless said otherwise.
    ///   - maximumRank: the most dimensions; 32 unless said otherwise.
    public init(maximumHeaderBytes: Int = 10_000, maximumDataBytes: Int = 256 << 20, maximumRank: Int = 32) {
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumDataBytes = maximumDataBytes
        self.maximumRank = maximumRank
    }
}
