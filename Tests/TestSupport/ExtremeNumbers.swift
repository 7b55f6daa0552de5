/// Numbers at the ends of what their types hold, and around zero, the same for a seed on each run.
package struct ExtremeNumbers {
    private var state: UInt64

    package init(seed: Int) {
        state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15
    }

    /// An index below `count`, by SplitMix64.
    package mutating func below(_ count: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(count))
    }

    package mutating func int() -> Int {
        let values = [
            .min, .min + 1, -(1 << 32), Int(Int32.min), -1, 0, 1, 2, 3, 5, 64, 100, 256, Int(Int32.max),
            Int(UInt32.max), 1 << 32, 1 << 62, .max - 1, .max,
        ]
        return values[below(values.count)]
    }

    package mutating func ints(upTo count: Int = 5) -> [Int] { (0..<below(count + 1)).map { _ in int() } }

    package mutating func double() -> Double {
        let values: [Double] = [
            .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e39,
            -1e39,
            1e19, -1e19, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, 0, -0.0, 0.5, 1, -1, 2,
            255,
        ]
        return values[below(values.count)]
    }

    package mutating func float() -> Float {
        let values: [Float] = [
            .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
            .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, 0, -0.0, 0.5, 1, -1, 3, 255,
        ]
        return values[below(values.count)]
    }

    package mutating func floats(upTo count: Int = 4) -> [Float]? {
        below(4) == 0 ? nil : (0..<below(count + 1)).map { _ in float() }
    }

    package mutating func duration() -> Duration {
        let values: [Duration] = [
            .seconds(Int64.min), .seconds(Int64.max), .nanoseconds(Int64.min), .nanoseconds(Int64.max), .seconds(-1),
            .zero,
            .nanoseconds(1), .seconds(1),
        ]
        return values[below(values.count)]
    }
}
