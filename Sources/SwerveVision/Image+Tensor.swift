public import SwerveTensor

/// How pixel bytes become a model's input numbers: `(value * scale - mean) / deviation`, per channel.
public struct PixelNormalization: Hashable, Sendable {
    /// The factor for each byte; 1 / 255 maps it to 0...1.
    public var scale: Double
    /// The number subtracted, per channel; nil subtracts nothing.
    public var mean: [Float]?
    /// The divisor of the difference, per channel; nil skips the division.
    public var deviation: [Float]?

    /// - Parameters:
    ///   - scale: the factor for each byte; 1 / 255 by default.
    ///   - mean: the number subtracted, per channel.
    ///   - deviation: the divisor of the difference, per channel.
    public init(scale: Double = 1 / 255, mean: [Float]? = nil, deviation: [Float]? = nil) {
        self.scale = scale
        self.mean = mean
        self.deviation = deviation
    }

    /// The mean and deviation of ImageNet, which most vision models were trained with.
    public static let imageNet = PixelNormalization(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

    /// The normalized number for each of the 256 byte values.
    func table(channel: Int) -> [Float] {
        (0..<256).map { byte in
            // This order and precision gives the same numbers as Hugging Face's image processors.
            var value = Float(Double(byte) * scale)
            if let mean { value -= mean[channel] }
            if let deviation { value /= deviation[channel] }
            return value
        }
    }
}

extension Image {
    /// The pixels as a `float32` tensor of shape `[1, channels, height, width]`.
    ///
    /// - Throws: ``ImageError`` with code `invalidArgument` when the mean or deviation does not have one number per
    ///   channel, or a deviation is zero; `tooLarge` when the tensor would take more than 4 GiB.
    public func normalized(_ normalization: PixelNormalization) throws(ImageError) -> Tensor {
        for numbers in [normalization.mean, normalization.deviation] {
            guard let numbers, numbers.count != channels else { continue }
            throw ImageError(.invalidArgument, "\(numbers.count) means or deviations for \(channels) channels")
        }
        guard normalization.deviation?.contains(0) != true else {
            throw ImageError(.invalidArgument, "a deviation is zero")
        }
        do {
            return try Tensor(shape: [1, channels, height, width], of: Float.self) { target in
                for channel in 0..<channels {
                    fill(target, channel: channel, table: normalization.table(channel: channel))
                }
            }
        } catch {
            throw ImageError(.tooLarge, error.message)
        }
    }

    private func fill(_ target: UnsafeMutableBufferPointer<Float>, channel: Int, table: [Float]) {
        let count = width * height
        pixels.withUnsafeBufferPointer { source in
            table.withUnsafeBufferPointer { table in
                var from = channel
                for to in (channel * count)..<((channel + 1) * count) {
                    target[to] = table[Int(source[from])]
                    from += channels
                }
            }
        }
    }
}
