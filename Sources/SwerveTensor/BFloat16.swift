/// A number of 16 bits with the range of `Float` and 7 bits of fraction, as accelerators use it.
///
/// For storing only: compute with `Float`.
public struct BFloat16: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// The upper half of the bits of a `Float`.
    public let bitPattern: UInt16

    public init(bitPattern: UInt16) {
        self.bitPattern = bitPattern
    }

    /// The nearest number; of two that are as near, the one whose last bit is 0.
    public init(_ value: Float) {
        let bits = value.bitPattern
        guard !value.isNaN else {
            // The fraction may lie in the lower half only, which would leave an infinity.
            self.init(bitPattern: UInt16(truncatingIfNeeded: bits >> 16) | 0x40)
            return
        }
        // Cannot overflow: the largest pattern that is not a NaN is an infinity, whose lower half is 0.
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
