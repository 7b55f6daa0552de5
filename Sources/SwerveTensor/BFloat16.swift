/// A 16-bit number with the range of `Float` and 7 fraction bits, as accelerators use it.
///
/// For storage only: compute with `Float`.
public struct BFloat16: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// The upper half of the bits of a `Float`.
    public let bitPattern: UInt16

    public init(bitPattern: UInt16) {
        self.bitPattern = bitPattern
    }

    /// The nearest number; of two equally near, the one whose last bit is 0.
    public init(_ value: Float) {
        let bits = value.bitPattern
        guard !value.isNaN else {
            // If only the lower half of the fraction has bits set, cutting it off would leave an infinity.
            self.init(bitPattern: UInt16(truncatingIfNeeded: bits >> 16) | 0x40)
            return
        }
        // This cannot overflow: the largest pattern that is not a NaN is an infinity, whose lower half is 0.
        let rounded = bits + 0x7FFF + (bits >> 16 & 1)
        self.init(bitPattern: UInt16(truncatingIfNeeded: rounded >> 16))
    }

    public var description: String { Float(self).description }
}

extension Float {
    /// The same number, exactly.
    public init(_ value: BFloat16) {
        self.init(bitPattern: UInt32(value.bitPattern) << 16)
    }
}

extension BFloat16: TensorElement {
    public static var elementType: ElementType { .bfloat16 }
}
