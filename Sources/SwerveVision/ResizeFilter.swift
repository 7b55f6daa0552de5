internal import SwerveSystem

/// How a resized image's pixels are computed from the old ones.
public struct ResizeFilter: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
        case nearest, box, bilinear, hamming, bicubic, lanczos
    }

    private let kind: Kind

    /// The nearest pixel, which introduces no new values. Pillow's `NEAREST`.
    public static let nearest = ResizeFilter(kind: .nearest)
    /// The average of the covered area, with equal weights. Pillow's `BOX`.
    public static let box = ResizeFilter(kind: .box)
    /// Linear interpolation; an average over the covered area when shrinking. Pillow's `BILINEAR`.
    public static let bilinear = ResizeFilter(kind: .bilinear)
    /// Between bilinear and bicubic in sharpness. Pillow's `HAMMING`.
    public static let hamming = ResizeFilter(kind: .hamming)
    /// Cubic interpolation. Pillow's `BICUBIC`.
    public static let bicubic = ResizeFilter(kind: .bicubic)
    /// A windowed sinc, the sharpest. Pillow's `LANCZOS`.
    public static let lanczos = ResizeFilter(kind: .lanczos)

    public var description: String { kind.rawValue }

    /// The radius, in pixels of the smaller of the two images.
    var support: Double {
        switch kind {
        case .nearest, .box: 0.5
        case .bilinear, .hamming: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The weight of a pixel at this distance.
    func weight(at distance: Double) -> Double {
        let x = abs(distance)
        switch kind {
        // Open on one side, as in Pillow: of two pixels at the same distance, only one counts.
        case .nearest, .box: return distance > -0.5 && distance <= 0.5 ? 1 : 0
        case .bilinear: return x < 1 ? 1 - x : 0
        case .hamming:
            if x == 0 { return 1 }
            // Pillow's constants are 32-bit floats.
            let (base, swing) = (Double(Float(0.54)), Double(Float(0.46)))
            return x < 1 ? Trigonometry.sine(x * .pi) / (x * .pi) * (base + swing * Trigonometry.cosine(x * .pi)) : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        case .lanczos:
            // Pillow's interval is half-open; at -3 and 3 the weight is zero up to rounding.
            return x <= 3 && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0
        }
    }

    private func sinc(_ x: Double) -> Double {
        x == 0 ? 1 : Trigonometry.sine(x * .pi) / (x * .pi)
    }
}

/// The old pixels that make up each new pixel of a row or column, and their weights.
struct ResizeWeights {
    /// The number of fraction bits in a weight, as in Pillow.
    static let fractionBits: Int32 = 22

    /// The index of the first old pixel, per new pixel.
    var first: [Int]
    /// The number of old pixels, per new pixel.
    var count: [Int]
    /// `stride` fixed-point weights per new pixel, of which `count` are used.
    var weights: [Int32]
    var stride: Int

    init(from oldSize: Int, to newSize: Int, filter: ResizeFilter) {
        let scale = Double(oldSize) / Double(newSize)
        let filterScale = max(scale, 1)
        let support = filter.support * filterScale
        let inverse = 1 / filterScale
        stride = Int(support.rounded(.up)) * 2 + 1
        first = []
        count = []
        weights = [Int32](repeating: 0, count: newSize * stride)
        var row = [Double](repeating: 0, count: stride)
        for new in 0..<newSize {
            let center = (Double(new) + 0.5) * scale
            let low = max(0, Int(center - support + 0.5))
            let high = min(oldSize, Int(center + support + 0.5))
            var sum = 0.0
            for old in low..<high {
                row[old - low] = filter.weight(at: (Double(old) - center + 0.5) * inverse)
                sum += row[old - low]
            }
            for i in 0..<(high - low) {
                let weight = (sum == 0 ? row[i] : row[i] / sum) * Double(1 << ResizeWeights.fractionBits)
                weights[new * stride + i] = Int32(weight < 0 ? weight - 0.5 : weight + 0.5)
            }
            first.append(low)
            count.append(high - low)
        }
    }
}
