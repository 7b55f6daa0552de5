internal import NIOCore

extension Tensor {
    /// Joins tensors along an axis, as `numpy.concatenate` does.
    ///
    /// - Parameters:
    ///   - tensors: at least one tensor. All have the same element type, and the same shape except along the axis.
    ///   - axis: from 0 to one less than the number of dimensions.
    /// - Throws: ``TensorError`` with code `invalidShape`, `typeMismatch`, `sizeMismatch` or `tooLarge`.
    public static func concatenated(_ tensors: [Tensor], axis: Int = 0) throws(TensorError) -> Tensor {
        guard let first = tensors.first else { throw TensorError(.invalidShape, "there are no tensors to join") }
        try first.checkAxis(axis)
        for (index, tensor) in tensors.enumerated().dropFirst() {
            guard tensor.elementType == first.elementType else {
                throw TensorError(
                    .typeMismatch,
                    "tensor \(index) holds \(tensor.elementType), tensor 0 holds \(first.elementType)"
                )
            }
            guard tensor.shape(with: 0, at: axis) == first.shape(with: 0, at: axis) else {
                throw TensorError(
                    .sizeMismatch,
                    "tensor \(index) of \(tensor.shape) and tensor 0 of \(first.shape) differ outside axis \(axis)"
                )
            }
        }
        if tensors.count == 1 { return first }
        var length = 0
        for tensor in tensors {
            let (sum, overflow) = length.addingReportingOverflow(tensor.shape[axis])
            guard !overflow else { throw TensorError(.invalidShape, "the length of axis \(axis) overflows") }
            length = sum
        }
        let shape = first.shape(with: length, at: axis)
        let count = try byteCount(shape: shape, elementType: first.elementType)
        var bytes = ByteBuffer()
        bytes.reserveCapacity(count)
        // A row is a contiguous part of each tensor: the elements for one index of the dimensions before the axis.
        let rows = first.shape[..<axis].reduce(1, *)
        for row in 0..<(count == 0 ? 0 : rows) {
            for tensor in tensors {
                let size = tensor.bytes.readableBytes / rows
                if size > 0 { bytes.writeImmutableBuffer(tensor.slice(from: row * size, count: size)) }
            }
        }
        return try Tensor(shape: shape, elementType: first.elementType, bytes: bytes)
    }

    /// Cuts the tensor into parts along an axis: the opposite of ``concatenated(_:axis:)``.
    ///
    /// Parts along the first axis share the bytes of the tensor.
    ///
    /// - Parameters:
    ///   - lengths: the length of each part along the axis; their sum is the length of the axis.
    ///   - axis: from 0 to one less than the number of dimensions.
    /// - Throws: ``TensorError`` with code `invalidShape` or `sizeMismatch`.
    public func split(_ lengths: [Int], axis: Int = 0) throws(TensorError) -> [Tensor] {
        try checkAxis(axis)
        guard lengths.allSatisfy({ $0 >= 0 }) else {
            throw TensorError(.invalidShape, "one of the lengths \(lengths) is negative")
        }
        var sum = 0
        for length in lengths {
            let (next, overflow) = sum.addingReportingOverflow(length)
            guard !overflow else { throw TensorError(.sizeMismatch, "the sum of the lengths overflows") }
            sum = next
        }
        guard sum == shape[axis] else {
            throw TensorError(
                .sizeMismatch,
                "the lengths \(lengths) add up to \(sum), not to axis \(axis) of \(shape)"
            )
        }
        let rows = shape[..<axis].reduce(1, *)
        let rowSize = rows == 0 ? 0 : bytes.readableBytes / rows
        let step = shape[axis] == 0 ? 0 : rowSize / shape[axis]
        var parts: [Tensor] = []
        var start = 0
        for length in lengths {
            var part = ByteBuffer()
            // The shape of an empty tensor may have any number of rows.
            if rows == 1 || bytes.readableBytes == 0 {
                part = slice(from: start * step, count: length * step)
            } else {
                part.reserveCapacity(rows * length * step)
                for row in 0..<rows {
                    part.writeImmutableBuffer(slice(from: row * rowSize + start * step, count: length * step))
                }
            }
            parts.append(
                try Tensor(shape: shape(with: length, at: axis), elementType: elementType, bytes: part)
            )
            start += length
        }
        return parts
    }

    private func checkAxis(_ axis: Int) throws(TensorError) {
        guard shape.indices.contains(axis) else {
            throw TensorError(.invalidShape, "shape \(shape) has no axis \(axis)")
        }
    }

    private func shape(with length: Int, at axis: Int) -> [Int] {
        var shape = shape
        shape[axis] = length
        return shape
    }

    private func slice(from start: Int, count: Int) -> ByteBuffer {
        guard let slice = bytes.getSlice(at: bytes.readerIndex + start, length: count) else {
            preconditionFailure("a part of \(shape) lies outside its bytes")
        }
        return slice
    }
}
