internal import NIOCore
package import SwerveTensor

/// An output of a run, in the memory of the engine.
package struct ONNXOutput {
    /// The name of the output.
    package let name: String
    /// The size of each dimension.
    package let shape: [Int]
    /// What it holds.
    package let type: ONNXType
    /// The elements in row-major order, aligned for their type; empty for text.
    package let bytes: UnsafeRawBufferPointer
    /// The elements of text.
    package let texts: [String]

    /// The type of the elements; nil for text.
    package var elementType: ElementType? { type.elementType }

    /// A copy of the output.
    ///
    /// - Throws: ``ONNXError`` with code `runFailed` when the output is too large for a tensor.
    package func value() throws -> ONNXValue {
        do {
            guard let elementType else { return .text(try StringTensor(shape: shape, values: texts)) }
            _ = try Tensor.byteCount(shape: shape, elementType: elementType)
            return .tensor(try Tensor(shape: shape, elementType: elementType, bytes: ByteBuffer(bytes: bytes)))
        } catch {
            throw ONNXError(.runFailed, "output '\(name)': \(error.message)")
        }
    }

    /// A copy of the output as a tensor of numbers.
    ///
    /// - Throws: ``ONNXError`` with code `unsupportedType` for text, `runFailed` when the output is too large for a
    ///   tensor.
    package func tensor() throws -> Tensor {
        guard case .tensor(let tensor) = try value() else {
            throw ONNXError(.unsupportedType, "output '\(name)' is text, not a tensor of numbers: use run(values:)")
        }
        return tensor
    }
}
