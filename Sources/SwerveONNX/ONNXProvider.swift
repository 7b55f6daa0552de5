package import SwerveActors
internal import SwerveCore
package import SwerveSystem

/// The device that runs the operators of a model: the CPU or an accelerator.
public struct ONNXProvider: Hashable, Sendable, Codable, CustomStringConvertible {
    /// ONNX Runtime's name for it, for example `CUDAExecutionProvider`; `OpenVINO` for ``openVINO(precision:settings:)``.
    public let name: String
    /// Settings that only this provider understands.
    public let settings: [String: String]
    /// The fraction of a GPU's memory that it may use, from 0 to 1; nil when the memory is not limited, or limited in
    /// bytes.
    public let memoryFraction: Double?

    /// Makes a provider from its short name, for example `XNNPACK` or `DML`.
    ///
    /// - Parameters:
    ///   - shortName: the name without `ExecutionProvider`.
    ///   - settings: passed on unchanged; ONNX Runtime documents them for each provider.
    public init(shortName: String, settings: [String: String] = [:]) {
        self.init(name: shortName + ONNXProvider.suffix, settings: settings)
    }

    private init(name: String, settings: [String: String], memoryFraction: Double? = nil) {
        self.name = name
        self.settings = settings
        self.memoryFraction = memoryFraction
    }

    /// The CPU. Always available, and able to run every operator.
    public static let cpu = ONNXProvider(shortName: "CPU")

    /// OpenVINO on the CPU, about 1.3 times as fast as ONNX Runtime in `f32` and twice as fast in `bf16`.
    ///
    /// Needs the library of OpenVINO (`pip install openvino`), which is found like ONNX Runtime; see
    /// ``ONNXLibrarySearch/openVINO(environment:workingDirectory:)``. It is not the provider of that name in special builds
    /// of ONNX Runtime, which is `ONNXProvider(shortName: "OpenVINO")`.
    ///
    /// Models with text are left to the next provider. OpenVINO computes integers of 64 bits in 32 bits, and `float64` in
    /// `float32`. The session's options ``ONNXSessionOptions/interOpThreads``, ``ONNXSessionOptions/allowSpinning``,
    /// ``ONNXSessionOptions/optimizationLevel``, ``ONNXSessionOptions/weights``, ``ONNXSessionOptions/runMemory`` and
    /// ``ONNXSessionOptions/configuration`` have no effect on it.
    ///
    /// - Parameters:
    ///   - precision: in which numbers it computes. A processor that lacks them is a reason to try the next provider.
    ///   - settings: further properties of the compiled model, by OpenVINO's names, which documents them. At most 12.
    public static func openVINO(
        precision: OpenVINOPrecision,
        settings: [String: String] = [:]
    ) -> ONNXProvider {
        ONNXProvider(name: openVINOName, settings: settings.merging([precisionKey: precision.name]) { $1 })
    }

    /// The numbers in which OpenVINO computes. Inputs and outputs keep the types of the model.
    public struct OpenVINOPrecision: Hashable, Sendable {
        let name: String
        /// 32 bits: the results of ONNX Runtime, up to the order of sums.
        public static let f32 = OpenVINOPrecision(name: "f32")
        /// 16 bits with the range of `f32` and 8 significant bits. Needs a processor with `avx512_bf16` or `amx_bf16`.
        public static let bf16 = OpenVINOPrecision(name: "bf16")
    }

    static let openVINOName = "OpenVINO"
    static let precisionKey = "INFERENCE_PRECISION_HINT"

    /// Whether OpenVINO itself runs the model, not ONNX Runtime.
    var isOpenVINO: Bool { name == ONNXProvider.openVINOName }

    /// Apple's Core ML, with its defaults.
    public static let coreML = ONNXProvider(shortName: "CoreML")

    /// Apple's Core ML.
    ///
    /// - Parameters:
    ///   - units: the processors that may compute.
    ///   - isProgram: whether operators become an ML program (macOS 12 and later, supports more operators) or the older
    ///     neural network format.
    ///   - needsStaticShapes: whether parts of the model with dynamic shapes stay on the CPU, where they often run
    ///     faster.
    ///   - cacheFolder: where compiled models are kept between starts; nil keeps none.
    public static func coreML(
        units: CoreMLUnits,
        isProgram: Bool = true,
        needsStaticShapes: Bool = false,
        cacheFolder: String? = nil
    ) -> ONNXProvider {
        var settings = ["MLComputeUnits": units.name, "ModelFormat": isProgram ? "MLProgram" : "NeuralNetwork"]
        settings["RequireStaticInputShapes"] = needsStaticShapes ? "1" : "0"
        settings["ModelCacheDirectory"] = cacheFolder
        return ONNXProvider(shortName: "CoreML", settings: settings)
    }

    /// The processors that Core ML may use.
    public struct CoreMLUnits: Hashable, Sendable {
        let name: String
        /// All processors.
        public static let all = CoreMLUnits(name: "ALL")
        /// The CPU.
        public static let cpu = CoreMLUnits(name: "CPUOnly")
        /// The CPU and the GPU.
        public static let cpuAndGPU = CoreMLUnits(name: "CPUAndGPU")
        /// The CPU and the Neural Engine.
        public static let cpuAndNeuralEngine = CoreMLUnits(name: "CPUAndNeuralEngine")
    }

    /// An NVIDIA GPU. Needs the GPU build of ONNX Runtime with CUDA and cuDNN.
    ///
    /// In a replica that reserves a part of a GPU, such as `Resources(gpus: 0.3)`, it uses at most that part of the
    /// memory unless a limit is given here.
    ///
    /// - Parameters:
    ///   - device: the number of the device, from 0, among those that the replica reserves or, if it reserves none,
    ///     that `CUDA_VISIBLE_DEVICES` makes visible.
    ///   - memoryLimit: the most bytes of device memory to use; nil for no limit.
    public static func cuda(device: Int = 0, memoryLimit: Int? = nil) -> ONNXProvider {
        var settings = ["device_id": String(device)]
        settings[memoryLimitKey] = memoryLimit.map(String.init)
        return ONNXProvider(shortName: "CUDA", settings: settings)
    }

    /// An NVIDIA GPU, with a part of its memory.
    ///
    /// - Parameters:
    ///   - device: as in ``cuda(device:memoryLimit:)``.
    ///   - memoryFraction: above 0 and at most 1. The driver is asked for the size of the memory when the session is
    ///     opened.
    public static func cuda(device: Int = 0, memoryFraction: Double) -> ONNXProvider {
        let cuda = cuda(device: device)
        return ONNXProvider(name: cuda.name, settings: cuda.settings, memoryFraction: memoryFraction)
    }

    private static let suffix = "ExecutionProvider"
    private static let memoryLimitKey = "gpu_mem_limit"

    /// The name without `ExecutionProvider`.
    var shortName: String {
        name.hasSuffix(ONNXProvider.suffix) ? String(name.dropLast(ONNXProvider.suffix.count)) : name
    }

    /// The name without `ExecutionProvider`; OpenVINO's with its precision, such as `OpenVINO bf16`.
    public var description: String {
        guard isOpenVINO, let precision = settings[ONNXProvider.precisionKey] else { return shortName }
        return "\(shortName) \(precision)"
    }

    /// The provider for a replica that has a share of a GPU: CUDA without a memory limit gets this share as its limit.
    package func sharing(_ share: Double) -> ONNXProvider {
        guard shortName == "CUDA", memoryFraction == nil, settings[ONNXProvider.memoryLimitKey] == nil else {
            return self
        }
        return ONNXProvider(name: name, settings: settings, memoryFraction: share)
    }

    /// The provider for a replica that holds GPUs: on the one of them that has the provider's number, and with the
    /// replica's share of it.
    package func placed(
        on replica: ReplicaContext,
        visible: String? = ThisProcess.environmentVariable("CUDA_VISIBLE_DEVICES"),
        devices: () -> [NVIDIADevice] = { NVIDIADevice.all() }
    ) -> ONNXProvider {
        let share = replica.options.resources.gpus.value
        let provider = share > 0 && share < 1 ? sharing(share) : self
        guard ["CUDA", "TensorRT"].contains(shortName),
            let own = Int(settings["device_id"] ?? "0"), replica.gpus.indices.contains(own),
            let number = NVIDIADevice.number(of: replica.gpus[own], visible: visible, devices: devices)
        else { return provider }
        var settings = provider.settings
        settings["device_id"] = String(number)
        return ONNXProvider(name: provider.name, settings: settings, memoryFraction: provider.memoryFraction)
    }

    /// The provider with its memory fraction converted to a limit in bytes.
    ///
    /// - Parameter memory: the memory of a device in bytes, by the device's number among the visible ones.
    /// - Throws: ``ONNXError`` with code `invalidArgument` for a fraction out of range, and what `memory` throws.
    package func limited(memory: (Int) throws -> UInt64 = CUDADevices.memory(of:)) throws -> ONNXProvider {
        guard let memoryFraction else { return self }
        guard memoryFraction > 0, memoryFraction <= 1 else {
            throw ONNXError(.invalidArgument, "memoryFraction must be above 0 and at most 1, not \(memoryFraction)")
        }
        let total = try memory(settings["device_id"].flatMap { Int($0) } ?? 0)
        var settings = settings
        settings[ONNXProvider.memoryLimitKey] = String(UInt64(Double(total) * memoryFraction))
        return ONNXProvider(name: name, settings: settings)
    }
}

/// A provider that was requested but does not run the session.
public struct ONNXProviderFailure: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The provider.
    public let provider: ONNXProvider
    /// Why it does not run, for human readers.
    public let reason: String

    public var description: String { "\(provider): \(reason)" }
}

/// Which provider runs a model, and why others do not.
public struct ONNXProviderStatus: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The provider that runs the model, such as `CPU` or `OpenVINO bf16`.
    public let running: String
    /// The providers requested before it, and why they do not run.
    public let failed: [Failure]

    /// A provider that does not run.
    public struct Failure: Hashable, Sendable, Codable {
        public let provider: String
        public let reason: String
    }

    public var description: String {
        failed.isEmpty
            ? running : "\(running) (\(failed.map { "\($0.provider): \($0.reason)" }.joined(separator: "; ")))"
    }
}

extension ONNXSession {
    /// Why the CPU runs the model in ONNX Runtime although OpenVINO was to; `nil` if it does not, or was not.
    package var openVINOFailure: ONNXProviderFailure? {
        provider == .cpu ? failedProviders.last { $0.provider.isOpenVINO } : nil
    }

    /// Which provider runs the model, and why others do not.
    public var providerStatus: ONNXProviderStatus {
        ONNXProviderStatus(
            running: provider.description,
            failed: failedProviders.map { .init(provider: $0.provider.description, reason: $0.reason) }
        )
    }
}
