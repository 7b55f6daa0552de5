internal import COpenVINO
internal import NIOCore
internal import SwerveTensor
internal import Synchronization

/// One execution of a model by OpenVINO.
final class OpenVINORun: EngineRun {
    private struct State {
        var isTerminated = false
        /// The request while it executes.
        var request: OpenVINORequestHandle?
    }

    private let engine: OpenVINOEngine
    private let state = Mutex(State())

    init(_ engine: OpenVINOEngine) {
        self.engine = engine
    }

    func terminate() {
        state.withLock { state in
            state.isTerminated = true
            if let request = state.request { openvino_request_cancel(request.pointer) }
        }
    }

    func execute<Result>(
        _ inputs: [ONNXValue],
        outputs: [ONNXPort],
        read: ([ONNXOutput]) throws -> Result
    ) throws -> Result {
        let compiled = try engine.compiled(for: inputs.map(\.shape))
        let request = try compiled.takeRequest()
        defer { compiled.giveBack(request) }
        return try withInputs(inputs[...], of: request) {
            try compute(with: request)
            // Also here, because an output may be the memory of an input.
            return try read(outputs.map { try view($0, of: request) })
        }
    }

    /// Passes the memory of the inputs to the request. The closures are nested because each tensor's bytes are only valid
    /// inside one.
    private func withInputs<Result>(
        _ inputs: ArraySlice<ONNXValue>,
        of request: OpenVINORequestHandle,
        _ body: () throws -> Result
    ) throws -> Result {
        guard let input = inputs.first else { return try body() }
        guard case .tensor(let tensor) = input, var shape = openvino_shape(tensor.shape) else {
            preconditionFailure("the session checked type and shape")
        }
        return try tensor.alignedBytes.withUnsafeReadableBytes { bytes in
            // An empty tensor has no address, but OpenVINO requires one.
            var nothing: UInt64 = 0
            return try withUnsafeMutableBytes(of: &nothing) { placeholder in
                var error = openvino_error()
                // OpenVINO takes a mutable pointer but only reads inputs.
                let data =
                    bytes.isEmpty ? placeholder.baseAddress : UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                let type = OpenVINOType.code(of: tensor.elementType)
                guard openvino_request_input(request.pointer, inputs.startIndex, type, &shape, data, &error) else {
                    throw ONNXError(.runFailed, error.text)
                }
                return try withInputs(inputs.dropFirst(), of: request, body)
            }
        }
    }

    private func compute(with request: OpenVINORequestHandle) throws {
        var error = openvino_error()
        // Begins under the lock, because stopping a request that has not begun has no effect.
        let hasBegun = try state.withLock { state in
            if state.isTerminated { throw CancellationError() }
            let hasBegun = openvino_request_start(request.pointer, &error)
            state.request = hasBegun ? request : nil
            return hasBegun
        }
        let isDone = hasBegun && openvino_request_wait(request.pointer, &error)
        let isTerminated = state.withLock { state in
            state.request = nil
            return state.isTerminated
        }
        if isTerminated { throw CancellationError() }
        guard isDone else { throw ONNXError(.runFailed, error.text) }
    }

    private func view(_ port: ONNXPort, of request: OpenVINORequestHandle) throws -> ONNXOutput {
        var output = openvino_output()
        var error = openvino_error()
        guard openvino_request_output(request.pointer, engine.position(of: port), &output, &error) else {
            throw ONNXError(.runFailed, error.text)
        }
        guard let elementType = port.elementType, OpenVINOType.code(of: elementType) == output.type else {
            throw ONNXError(.runFailed, "output '\(port.name)' is \(port.type), but OpenVINO returns another type")
        }
        return ONNXOutput(
            name: port.name,
            shape: output.shape.sizes,
            type: port.type,
            bytes: UnsafeRawBufferPointer(start: output.data, count: output.data == nil ? 0 : output.count),
            texts: []
        )
    }
}

/// OpenVINO's numbers for element types.
enum OpenVINOType {
    static func code(of type: ElementType) -> Int32 {
        let code =
            switch type {
            case .bool: OPENVINO_BOOL
            case .bfloat16: OPENVINO_BF16
            case .float16: OPENVINO_F16
            case .float32: OPENVINO_F32
            case .float64: OPENVINO_F64
            case .int8: OPENVINO_I8
            case .int16: OPENVINO_I16
            case .int32: OPENVINO_I32
            case .int64: OPENVINO_I64
            case .uint8: OPENVINO_U8
            case .uint16: OPENVINO_U16
            case .uint32: OPENVINO_U32
            case .uint64: OPENVINO_U64
            default: preconditionFailure("every element type has a number in OpenVINO")
            }
        return Int32(code.rawValue)
    }
}
