internal import SwerveTensor

/// The input for pixel values and the output for logits of a SegFormer session. Making it checks that the model is a
/// SegFormer and agrees with its configuration.
struct SegFormerPorts {
    let inputName: String
    let inputType: ElementType
    let outputIndex: Int

    /// - Throws: ``ONNXError`` with code `invalidModel` when the model is not a SegFormer or contradicts the
    ///   configuration, `unsupportedType` for a number type that this machine lacks.
    init(inputs: [ONNXPort], outputs: [ONNXPort], configuration: SegFormerConfiguration) throws {
        guard inputs.count == 1, let input = inputs.first else {
            throw ONNXError(.invalidModel, "a SegFormer model has 1 input, but this one has \(inputs.count)")
        }
        guard let type = input.elementType, SegFormerPorts.isPicture(input) else {
            throw ONNXError(
                .invalidModel,
                "the input of a SegFormer model must be float32 or float16 with 4 dimensions, not \(input)"
            )
        }
        let candidates = outputs.indices.filter { SegFormerPorts.isPicture(outputs[$0]) }
        guard let index = candidates.first(where: { outputs[$0].name == "logits" }) ?? candidates.first else {
            let found = outputs.map(\.description).joined(separator: ", ")
            throw ONNXError(
                .invalidModel,
                "no output is float32 or float16 with 4 dimensions, as a segmentation head needs: \(found)"
            )
        }
        try SegFormerPorts.requireFloat16(type, outputs[index].elementType)
        try SegFormerPorts.check(input, configuration)
        try SegFormerPorts.check(output: outputs[index], configuration)
        inputName = input.name
        inputType = type
        outputIndex = index
    }

    private static func isPicture(_ port: ONNXPort) -> Bool {
        (port.elementType == .float32 || port.elementType == .float16) && port.dimensions.count == 4
    }

    private static func requireFloat16(_ types: ElementType?...) throws {
        #if os(macOS) && arch(x86_64)
            guard types.contains(.float16) else { return }
            throw ONNXError(
                .unsupportedType,
                "the model uses float16, which Intel Macs do not have: use another variant"
            )
        #endif
    }

    /// A dynamic dimension of the model agrees with every configuration.
    private static func check(_ input: ONNXPort, _ configuration: SegFormerConfiguration) throws {
        let sizes = input.dimensions.map(\.size)
        try require(sizes[0] ?? 1 == 1, "\(input): it only takes batches, but must take 1 picture at a time")
        try require(sizes[1] ?? 3 == 3, "\(input): dimension 1 must be the 3 colours")
        guard let wanted = configuration.inputSize else { return }
        try require(
            sizes[2] ?? wanted.height == wanted.height && sizes[3] ?? wanted.width == wanted.width,
            "\(input): the model only takes this size; preprocessor_config.json asks for \(wanted.width) x \(wanted.height)"
        )
    }

    private static func check(output: ONNXPort, _ configuration: SegFormerConfiguration) throws {
        let sizes = output.dimensions.map(\.size)
        try require(sizes[0] ?? 1 == 1, "\(output): it only gives batches, but must give 1 picture at a time")
        let count = configuration.labels.count
        try require(
            sizes[1] ?? count == count,
            "\(output): the model has \(sizes[1] ?? 0) classes, but config.json names \(count)"
        )
    }

    private static func require(_ isTrue: Bool, _ message: @autoclosure () -> String) throws {
        guard isTrue else { throw ONNXError(.invalidModel, message()) }
    }
}

// Intel Macs have no Float16; loading refuses models that need it.
#if !(os(macOS) && arch(x86_64))
    extension Tensor {
        /// The same numbers rounded to 16 bits.
        func halved() throws -> Tensor {
            try withUnsafeElements(as: Float.self) { numbers in
                try Tensor(shape: shape, of: Float16.self) { target in
                    for i in numbers.indices { target[i] = Float16(numbers[i]) }
                }
            }
        }
    }
#endif

extension Tensor {
    /// Converts the numbers to the type of a model's input.
    func converted(forInput type: ElementType) throws -> Tensor {
        #if os(macOS) && arch(x86_64)
            return self
        #else
            return type == .float16 ? try halved() : self
        #endif
    }
}

extension ONNXOutput {
    /// Passes the numbers to a closure as `Float`; 16-bit numbers are copied.
    ///
    /// - Throws: ``ONNXError`` with code `runFailed` for other types; what `body` throws.
    func withFloats<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        if elementType == .float32 { return try body(bytes.assumingMemoryBound(to: Float.self)) }
        #if !(os(macOS) && arch(x86_64))
            if elementType == .float16 {
                let halves = bytes.assumingMemoryBound(to: Float16.self)
                return try halves.map { Float($0) }.withUnsafeBufferPointer(body)
            }
        #endif
        throw ONNXError(.runFailed, "the logits are \(type), not float32 or float16")
    }
}
