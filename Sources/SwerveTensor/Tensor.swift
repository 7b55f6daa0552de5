public import NIOCore

#if !_endian(little)
    #error("tensors are stored in little-endian order and read without conversion")
#endif

/// An array of numbers with a shape.
///
/// The elements lie in row-major order (the last dimension is contiguous), little-endian, without gaps. A tensor is a
/// value; copies share their bytes.
public struct Tensor: Hashable, Sendable {
    /// The most dimensions, the same as in NumPy.
    public static let maximumRank = 64

    /// The size of each dimension; empty for a single number.
    public let shape: [Int]
    /// The type of every element.
    public let elementType: ElementType
    /// The elements, exactly `elementCount * elementType.byteCount` readable bytes.
    public let bytes: ByteBuffer

    /// How many elements there are: the product of the shape.
    public var elementCount: Int { bytes.readableBytes / elementType.byteCount }

    /// Makes a tensor from existing bytes without copying them.
    ///
    /// - Parameters:
    ///   - shape: the size of each dimension.
    ///   - elementType: the type of every element.
    ///   - bytes: the elements in row-major order, little-endian; all readable bytes belong to the tensor.
    /// - Throws: ``TensorError`` with code `invalidShape`, `tooLarge`, `sizeMismatch`, or `invalidValue` for a Boolean
    ///   that is neither 0 nor 1.
    public init(shape: [Int], elementType: ElementType, bytes: ByteBuffer) throws(TensorError) {
        let expected = try Tensor.byteCount(shape: shape, elementType: elementType)
        guard bytes.readableBytes == expected else {
            throw TensorError(
                .sizeMismatch,
                "shape \(shape) of \(elementType) takes \(expected) bytes, there are \(bytes.readableBytes)"
            )
        }
        // A Swift Bool that is neither 0 nor 1 is undefined behaviour, so it is refused before anyone can read it.
        if elementType == .bool, let value = bytes.readableBytesView.first(where: { $0 > 1 }) {
            throw TensorError(.invalidValue, "a bool is 0 or 1, not \(value)")
        }
        self.init(checkedShape: shape, elementType: elementType, bytes: bytes)
    }

    /// Makes a tensor from values.
    ///
    /// - Parameters:
    ///   - shape: the size of each dimension.
    ///   - values: the elements in row-major order.
    /// - Throws: ``TensorError`` with code `invalidShape`, `tooLarge` or `sizeMismatch`.
    public init<Element: TensorElement>(shape: [Int], values: [Element]) throws(TensorError) {
        let expected = try Tensor.byteCount(shape: shape, elementType: Element.elementType)
        let size = Element.elementType.byteCount
        guard values.count == expected / size else {
            throw TensorError(
                .sizeMismatch,
                "shape \(shape) takes \(expected / size) values, there are \(values.count)"
            )
        }
        let bytes = values.withUnsafeBytes { ByteBuffer(bytes: $0) }
        self.init(checkedShape: shape, elementType: Element.elementType, bytes: bytes)
    }

    /// Makes a tensor whose elements a closure writes in place.
    ///
    /// - Parameters:
    ///   - shape: the size of each dimension.
    ///   - type: the type of the elements.
    ///   - fill: must write every element of the buffer, which starts uninitialised.
    /// - Throws: ``TensorError`` with code `invalidShape` or `tooLarge`.
    package init<Element: TensorElement>(
        shape: [Int],
        of type: Element.Type = Element.self,
        unsafeUninitialized fill: (UnsafeMutableBufferPointer<Element>) -> Void
    ) throws(TensorError) {
        let count = try Tensor.byteCount(shape: shape, elementType: Element.elementType)
        var bytes = ByteBuffer()
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { raw in
            fill(UnsafeMutableRawBufferPointer(rebasing: raw[..<count]).bindMemory(to: Element.self))
            return count
        }
        self.init(checkedShape: shape, elementType: Element.elementType, bytes: bytes)
    }

    private init(checkedShape: [Int], elementType: ElementType, bytes: ByteBuffer) {
        self.shape = checkedShape
        self.elementType = elementType
        self.bytes = bytes
    }

    /// The same elements in another shape, without a copy.
    ///
    /// - Throws: ``TensorError`` with code `invalidShape`, or `sizeMismatch` when the new shape has a different number
    ///   of elements.
    public func reshaped(to shape: [Int]) throws(TensorError) -> Tensor {
        let expected = try Tensor.byteCount(shape: shape, elementType: elementType)
        guard expected == bytes.readableBytes else {
            throw TensorError(
                .sizeMismatch,
                "shape \(shape) has \(expected / elementType.byteCount) elements, the tensor has \(elementCount)"
            )
        }
        return Tensor(checkedShape: shape, elementType: elementType, bytes: bytes)
    }

    /// The number of bytes that a shape takes.
    ///
    /// - Throws: ``TensorError`` with code `invalidShape` for more than ``maximumRank`` dimensions, a negative one or a
    ///   product that overflows; `tooLarge` for more bytes than a `ByteBuffer` holds (4 GiB).
    public static func byteCount(shape: [Int], elementType: ElementType) throws(TensorError) -> Int {
        guard shape.count <= maximumRank else {
            throw TensorError(.invalidShape, "\(shape.count) dimensions; at most \(maximumRank) are allowed")
        }
        var count = elementType.byteCount
        // A zero anywhere makes the product zero, but must not hide a dimension that is out of range.
        var product = elementType.byteCount
        for size in shape {
            guard size >= 0 else { throw TensorError(.invalidShape, "shape \(shape) has a negative dimension") }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
            guard !overflow else { throw TensorError(.invalidShape, "the size of shape \(shape) overflows") }
            product = next
            count = size == 0 ? 0 : count * size
        }
        guard count <= Int(UInt32.max) else {
            throw TensorError(.tooLarge, "shape \(shape) of \(elementType) takes \(count) bytes, over 4 GiB")
        }
        return count
    }
}

extension Tensor: CustomStringConvertible {
    public var description: String { "Tensor(\(elementType), \(shape))" }
}
