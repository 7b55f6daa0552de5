extension Tensor {
    /// A tensor of the same shape and type: 255 where the element is above the threshold, otherwise 0.
    ///
    /// The numbers are those of NumPy's `numpy.where(array > threshold, 255, 0).astype(array.dtype)`: integers are
    /// compared exactly, and floating point numbers with the threshold rounded to their type. Not-a-number is not above
    /// anything.
    ///
    /// - Throws: ``TensorError`` with code `unsupportedType` for `int8` and `bool`, which cannot hold 255.
    public func thresholded(_ threshold: Int) throws(TensorError) -> Tensor {
        switch elementType {
        case .uint8: try thresholded(white: UInt8.max) { $0 > threshold }
        case .uint16: try thresholded(white: UInt16(255)) { $0 > threshold }
        case .uint32: try thresholded(white: UInt32(255)) { $0 > threshold }
        case .uint64: try thresholded(white: UInt64(255)) { $0 > threshold }
        case .int16: try thresholded(white: Int16(255)) { $0 > threshold }
        case .int32: try thresholded(white: Int32(255)) { $0 > threshold }
        case .int64: try thresholded(white: Int64(255)) { $0 > threshold }
        case .float32: try thresholded(white: Float(255)) { [limit = Float(threshold)] in $0 > limit }
        case .float64: try thresholded(white: Double(255)) { [limit = Double(threshold)] in $0 > limit }
        case .bfloat16: try thresholdedBFloat16(BFloat16(Float(threshold)))
        case .float16: try thresholdedFloat16(threshold)
        default: throw TensorError(.unsupportedType, "\(elementType) cannot hold 255, which marks what is above")
        }
    }

    private func thresholdedBFloat16(_ threshold: BFloat16) throws(TensorError) -> Tensor {
        let limit = Float(threshold)
        return try thresholded(white: BFloat16(255), black: BFloat16(0)) { Float($0) > limit }
    }

    private func thresholdedFloat16(_ threshold: Int) throws(TensorError) -> Tensor {
        // Intel Macs have no Float16.
        #if os(macOS) && arch(x86_64)
            throw TensorError(.unsupportedType, "this machine has no float16")
        #else
            let limit = Float16(Double(threshold))
            return try thresholded(white: Float16(255)) { $0 > limit }
        #endif
    }

    private func thresholded<Element: TensorElement & Numeric>(
        white: Element,
        _ isAbove: (Element) -> Bool
    ) throws(TensorError) -> Tensor {
        try thresholded(white: white, black: .zero, isAbove)
    }

    private func thresholded<Element: TensorElement>(
        white: Element,
        black: Element,
        _ isAbove: (Element) -> Bool
    ) throws(TensorError) -> Tensor {
        let values = try values(as: Element.self)
        return try Tensor(shape: shape, of: Element.self) { (target: UnsafeMutableBufferPointer<Element>) in
            for index in values.indices { target[index] = isAbove(values[index]) ? white : black }
        }
    }
}
