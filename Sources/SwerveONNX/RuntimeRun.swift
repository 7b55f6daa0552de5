internal import CONNXRuntime
internal import NIOCore
internal import SwerveSystem
internal import SwerveTensor
internal import Synchronization

/// One execution of a model by ONNX Runtime.
struct RuntimeRun: EngineRun {
    let engine: RuntimeEngine
    let run: RunHandle

    private var library: OpaquePointer { engine.handle.library.pointer }

    func terminate() { run.terminate() }

    func execute<Result>(
        _ inputs: [ONNXValue],
        outputs ports: [ONNXPort],
        read: ([ONNXOutput]) throws -> Result
    ) throws -> Result {
        let shapes = inputs.map(\.shape)
        let returnsMemory = engine.memory.withLock { $0.returnsMemory(after: shapes) }
        if returnsMemory { try run.returnMemory() }
        return try withValues(over: inputs[...], []) { inputs in
            var outputs = [OpaquePointer?](repeating: nil, count: ports.count)
            defer { outputs.forEach { onnxrt_value_release(library, $0) } }
            var error = onnxrt_error()
            let isDone = withCStrings(engine.inputNames) { inputNames in
                withCStrings(ports.map(\.name)) { outputNames in
                    onnxrt_session_run(
                        engine.handle.pointer,
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
            engine.memory.withLock { $0.note(shapes) }
            // What ONNX Runtime takes from the C library besides.
            if returnsMemory { Heap.returnUnused() }
            return try read(zip(ports, outputs).map { try view($0, $1) })
        }
    }

    // MARK: Inputs

    /// Makes an OrtValue from each input. The closures are nested because each tensor's bytes are only valid inside
    /// one.
    private func withValues<Result>(
        over inputs: ArraySlice<ONNXValue>,
        _ values: [OpaquePointer?],
        _ body: ([OpaquePointer?]) throws -> Result
    ) throws -> Result {
        guard let input = inputs.first else { return try body(values) }
        return try withValue(of: input) { value in
            try withValues(over: inputs.dropFirst(), values + [value], body)
        }
    }

    private func withValue<Result>(of input: ONNXValue, _ body: (OpaquePointer?) throws -> Result) throws -> Result {
        let code = input.tensor.map { ONNXType.onnxCode(of: $0.elementType) } ?? Int32(ONNXRT_STRING)
        guard var shape = onnxrt_shape(elementType: code, sizes: input.shape) else {
            throw ONNXError(
                .invalidInput,
                "a tensor of \(input.shape.count) dimensions; the limit is \(ONNXPort.maximumRank)"
            )
        }
        switch input {
        case .tensor(let tensor): return try withValue(over: tensor, &shape, body)
        case .text(let text): return try withValue(of: text, &shape, body)
        }
    }

    private func withValue<Result>(
        over tensor: Tensor,
        _ shape: inout onnxrt_shape,
        _ body: (OpaquePointer?) throws -> Result
    ) throws -> Result {
        try tensor.alignedBytes.withUnsafeReadableBytes { bytes in
            // An empty tensor has no address, but ONNX Runtime requires one.
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
                return try body(value)
            }
        }
    }

    private func withValue<Result>(
        of text: StringTensor,
        _ shape: inout onnxrt_shape,
        _ body: (OpaquePointer?) throws -> Result
    ) throws -> Result {
        var bytes: [CChar] = []
        var starts = [0]
        for string in text.values {
            bytes.append(contentsOf: string.utf8.lazy.map { CChar(bitPattern: $0) })
            starts.append(bytes.count)
        }
        var value: OpaquePointer?
        var error = onnxrt_error()
        guard onnxrt_value_strings(library, bytes, starts, &shape, &value, &error) else {
            throw ONNXError(.invalidInput, error.text)
        }
        defer { onnxrt_value_release(library, value) }
        return try body(value)
    }

    // MARK: Outputs

    private func view(_ port: ONNXPort, _ value: OpaquePointer?) throws -> ONNXOutput {
        var shape = onnxrt_shape()
        var data: UnsafeMutableRawPointer?
        var error = onnxrt_error()
        guard onnxrt_value_view(library, value, &shape, &data, &error) else {
            throw ONNXError(.runFailed, error.text)
        }
        guard port.type.isSupported else {
            throw ONNXError(
                .unsupportedType,
                "output '\(port.name)' has the unsupported type \(port.type); choose other outputs with "
                    + "the option 'outputs'"
            )
        }
        let sizes = shape.sizes
        let count = sizes.reduce(port.elementType?.byteCount ?? 1, *)
        return ONNXOutput(
            name: port.name,
            shape: sizes,
            type: port.type,
            bytes: UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : count),
            texts: port.type.isText ? try texts(value, count: count) : []
        )
    }

    /// The elements of a tensor of text; invalid UTF-8 is repaired.
    private func texts(_ value: OpaquePointer?, count: Int) throws -> [String] {
        guard count > 0 else { return [] }
        var error = onnxrt_error()
        var length = 0
        guard onnxrt_value_strings_length(library, value, &length, &error) else {
            throw ONNXError(.runFailed, error.text)
        }
        // One extra byte, because the runtime requires an address even when all texts are empty.
        var bytes = [CChar](repeating: 0, count: length + 1)
        var starts = [Int](repeating: 0, count: count)
        guard onnxrt_value_strings_read(library, value, &bytes, length, &starts, count, &error) else {
            throw ONNXError(.runFailed, error.text)
        }
        return bytes.withUnsafeBytes { bytes in
            starts.indices.map { index in
                let end = index + 1 < count ? starts[index + 1] : length
                return String(decoding: bytes[starts[index]..<end], as: UTF8.self)
            }
        }
    }
}
