internal import CONNXRuntime
internal import NIOCore
package import SwerveTensor

/// An output of a run, in the memory of ONNX Runtime.
package struct ONNXOutput {
    /// The name of the output.
    package let name: String
    /// The size of each dimension.
    package let shape: [Int]
    /// The type of the elements.
    package let elementType: ElementType
    /// The elements in row-major order, aligned for their type.
    package let bytes: UnsafeRawBufferPointer

    /// A tensor with a copy of the bytes.
    ///
    /// - Throws: ``ONNXError`` with code `runFailed` when the output is larger than a tensor may be.
    package func tensor() throws -> Tensor {
        do {
            _ = try Tensor.byteCount(shape: shape, elementType: elementType)
            return try Tensor(shape: shape, elementType: elementType, bytes: ByteBuffer(bytes: bytes))
        } catch {
            throw ONNXError(.runFailed, "output '\(name)': \(error.message)")
        }
    }
}

/// One execution of a model on the calling thread.
struct ONNXRun {
    let session: ONNXSession
    let run: RunHandle

    private var library: OpaquePointer { session.handle.library.pointer }

    /// - Parameter tensors: in the order of the inputs of the model, checked.
    /// - Throws: ``ONNXError`` with code `invalidInput`, `unsupportedType` or `runFailed`; `CancellationError` when the
    ///   run was told to stop; what `read` throws.
    func execute<Result>(_ tensors: [Tensor], read: ([ONNXOutput]) throws -> Result) throws -> Result {
        try withValues(over: tensors[...], []) { inputs in
            var outputs = [OpaquePointer?](repeating: nil, count: session.outputs.count)
            defer { outputs.forEach { onnxrt_value_release(library, $0) } }
            var error = onnxrt_error()
            let isDone = withCStrings(session.inputs.map(\.name)) { inputNames in
                withCStrings(session.outputs.map(\.name)) { outputNames in
                    onnxrt_session_run(
                        session.handle.pointer,
                        run.pointer,
                        inputNames.baseAddress,
                        inputs,
                        inputs.count,
                        outputNames.baseAddress,
                        &outputs,
                        outputs.count,
                        &error
                    )
                }
            }
            guard !run.isTerminated else { throw CancellationError() }
            guard isDone else { throw ONNXError(.runFailed, error.text) }
            return try read(zip(session.outputs, outputs).map { try view($0, $1) })
        }
    }

    /// Makes an OrtValue over the bytes of each tensor, one closure inside the other because each pins its bytes.
    private func withValues<Result>(
        over tensors: ArraySlice<Tensor>,
        _ values: [OpaquePointer?],
        _ body: ([OpaquePointer?]) throws -> Result
    ) throws -> Result {
        guard let tensor = tensors.first else { return try body(values) }
        guard var shape = onnxrt_shape(elementType: tensor.elementType, sizes: tensor.shape) else {
            throw ONNXError(.invalidInput, "a tensor of \(tensor.shape.count) dimensions, 16 are the most")
        }
        return try tensor.alignedBytes.withUnsafeReadableBytes { bytes in
            // An empty tensor has no address, but ONNX Runtime wants one.
            var nothing: UInt64 = 0
            return try withUnsafeMutableBytes(of: &nothing) { placeholder in
                var value: OpaquePointer?
                var error = onnxrt_error()
                // ONNX Runtime takes a mutable pointer but only reads inputs.
                let data =
                    bytes.isEmpty ? placeholder.baseAddress : UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                guard onnxrt_value_over(library, data, bytes.count, &shape, &value, &error) else {
                    throw ONNXError(.invalidInput, error.text)
                }
                defer { onnxrt_value_release(library, value) }
                return try withValues(over: tensors.dropFirst(), values + [value], body)
            }
        }
    }

    private func view(_ port: ONNXPort, _ value: OpaquePointer?) throws -> ONNXOutput {
        var shape = onnxrt_shape()
        var data: UnsafeMutableRawPointer?
        var error = onnxrt_error()
        guard onnxrt_value_view(library, value, &shape, &data, &error) else {
            throw ONNXError(.runFailed, error.text)
        }
        guard let elementType = ElementType(onnxCode: shape.element_type) else {
            throw ONNXError(.unsupportedType, "output '\(port.name)' is not a tensor of numbers")
        }
        let sizes = shape.sizes
        let count = sizes.reduce(elementType.byteCount, *)
        return ONNXOutput(
            name: port.name,
            shape: sizes,
            elementType: elementType,
            bytes: UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : count)
        )
    }
}
