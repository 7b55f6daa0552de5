/// What runs the operators of a model: the CPU, or an accelerator.
public struct ONNXProvider: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The name by which ONNX Runtime lists it, for example `CUDAExecutionProvider`.
    public let name: String
    /// Settings that only this provider understands.
    public let settings: [String: String]

    /// A provider by its short name, for example `XNNPACK` or `DML`.
    ///
    /// - Parameters:
    ///   - shortName: the name without `ExecutionProvider`.
    ///   - settings: passed on as they are; ONNX Runtime documents them per provider.
    public init(shortName: String, settings: [String: String] = [:]) {
        name = shortName + "ExecutionProvider"
        self.settings = settings
    }

    /// The processor. Always there, and able to run every operator.
    public static let cpu = ONNXProvider(shortName: "CPU")

    /// Apple's frameworks for machine learning.
    public static let coreML = ONNXProvider(shortName: "CoreML")

    /// A graphics processor of NVIDIA. Needs the GPU build of ONNX Runtime with CUDA and cuDNN.
    ///
    /// - Parameters:
    ///   - device: the number of the device, from 0.
    ///   - memoryLimit: the most bytes of device memory to use; no limit when nil.
    public static func cuda(device: Int = 0, memoryLimit: Int? = nil) -> ONNXProvider {
        var settings = ["device_id": String(device)]
        settings["gpu_mem_limit"] = memoryLimit.map(String.init)
        return ONNXProvider(shortName: "CUDA", settings: settings)
    }

    /// The name without `ExecutionProvider`.
    var shortName: String { String(name.dropLast("ExecutionProvider".count)) }

    public var description: String { shortName }
}

/// A provider that was asked for but does not run the session.
public struct ONNXProviderFailure: Hashable, Sendable, CustomStringConvertible {
    /// The provider.
    public let provider: ONNXProvider
    /// Why it does not run, for people.
    public let reason: String

    public var description: String { "\(provider): \(reason)" }
}
