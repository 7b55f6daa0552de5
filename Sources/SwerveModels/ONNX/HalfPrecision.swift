/// IEEE 754 16-bit numbers, which Swift does not have on every machine.
enum HalfPrecision {
    /// The number with these bits, exactly.
    static func float(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1F)
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0: return (sign == 0 ? 1 : -1) * Float(fraction) * 0x1p-24
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    /// The bits of the nearest number; of two equally near, the one whose last bit is 0.
    static func bits(_ number: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: number.bitPattern >> 16) & 0x8000
        let magnitude = number.magnitude
        if number.isNaN { return sign | 0x7E00 }
        // 65520 is halfway between the largest number and the one that would follow it.
        if magnitude >= 65520 { return sign | 0x7C00 }
        if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
        let rebased = magnitude.bitPattern - (112 << 23)
        return sign | UInt16(truncatingIfNeeded: (rebased + 0xFFF + (rebased >> 13 & 1)) >> 13)
    }
}
