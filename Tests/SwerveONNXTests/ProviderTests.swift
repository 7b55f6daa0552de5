import Foundation
import SwerveActors
import SwerveCore
import SwerveONNX
import SwerveSystem
import TestSupport
import Testing

@Suite("Providers")
struct ProviderTests {
    @Test("A fraction of a GPU becomes a limit in bytes of the device's memory")
    func limit() throws {
        var asked: [Int] = []
        let provider = try ONNXProvider.cuda(device: 1, memoryFraction: 0.3).limited { device in
            asked.append(device)
            return 80_000_000_001
        }
        #expect(asked == [1])
        #expect(provider.settings == ["device_id": "1", "gpu_mem_limit": "24000000000"])
        #expect(provider.memoryFraction == nil)
    }

    @Test("Without a fraction the memory is not queried, and fractions out of range are refused")
    func noLimit() throws {
        struct Asked: Error {}
        for provider in [ONNXProvider.cuda(), .cuda(memoryLimit: 5), .cpu, .coreML] {
            #expect(try provider.limited { _ in throw Asked() } == provider)
        }
        for fraction in [0, -0.1, 1.01, .nan] {
            let error = #expect(throws: ONNXError.self) {
                try ONNXProvider.cuda(memoryFraction: fraction).limited { _ in 1 }
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("A replica's share of a GPU limits CUDA where the user did not")
    func replicaShare() throws {
        func providers(gpus: Double) -> [ONNXProvider] {
            let id = ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1)
            let options = DeploymentOptions(resources: Resources(gpus: gpus))
            let asked: [ONNXProvider] = [.cuda(), .cuda(device: 1, memoryLimit: 7), .cuda(memoryFraction: 0.9), .cpu]
            return ONNXSessionOptions(intraOpThreads: 1, providers: asked)
                .resolved(in: ReplicaContext(replica: id, options: options)).providers
        }
        #expect(providers(gpus: 0.25).map(\.memoryFraction) == [0.25, nil, 0.9, nil])
        #expect(providers(gpus: 1).map(\.memoryFraction) == [nil, nil, 0.9, nil])
        #expect(providers(gpus: 0).map(\.memoryFraction) == [nil, nil, 0.9, nil])
    }

    @Test(
        "A replica's devices count from its first, wherever it runs",
        arguments: [
            // device, the replica's devices, visible in the process, CUDA's number
            (0, ["GPU-b"], nil, "1"), (0, ["GPU-b"], "GPU-b", "0"), (0, ["GPU-b"], "GPU-b,GPU-a", "0"),
            (1, ["GPU-b", "GPU-a"], nil, "0"), (0, ["1"], nil, "1"), (0, [], nil, "0"), (1, [], "GPU-b", "1"),
            (2, ["GPU-b"], nil, "2"),
        ] as [(Int, [String], String?, String)]
    )
    func replicaDevices(device: Int, held: [String], visible: String?, number: String) {
        let id = ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1)
        let replica = ReplicaContext(replica: id, options: DeploymentOptions(), gpus: held)
        let devices = [NVIDIADevice(id: "GPU-a", gpu: 0), NVIDIADevice(id: "GPU-b", gpu: 1)]
        let placed = ONNXProvider.cuda(device: device).placed(on: replica, visible: visible) { devices }
        #expect(placed == .cuda(device: Int(number) ?? -1))
        #expect(ONNXProvider.cpu.placed(on: replica, visible: visible) { devices } == .cpu)
    }

    @Test("In-process replicas with parts of GPUs have sessions of their own, each with its share")
    func noPoolOfParts() {
        let id = ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1)
        let options = DeploymentOptions(numReplicas: 3, resources: Resources(gpus: 0.25), placement: .inProcess)
        let replica = ReplicaContext(replica: id, options: options, gpus: ["0"])
        let session = ONNXSessionOptions(providers: [.cuda(), .cpu]).pooled(in: replica, cores: 8)
        #expect(session.concurrentRuns == 1)
        #expect(session.providers.first?.memoryFraction == 0.25)
    }

    @Test("CUDA's device numbers count the visible devices")
    func visibleDevices() throws {
        #expect(try CUDADevices.driverName(of: 2, visible: nil) == "2")
        #expect(try CUDADevices.driverName(of: 0, visible: "3,1") == "3")
        #expect(try CUDADevices.driverName(of: 1, visible: " 3 , 1 ") == "1")
        #expect(try CUDADevices.driverName(of: 0, visible: "GPU-5f1c2a") == "GPU-5f1c2a")
        let part = "MIG-5f1c2a00-1b2c-3d4e-5f60-718293a4b5c6"
        #expect(try CUDADevices.driverName(of: 0, visible: part) == part)
        #expect(try CUDADevices.driverName(of: 1, visible: "MIG-GPU-5f1c2a/1/0,\(part)") == part)
        #expect(try CUDADevices.driverName(of: 0, visible: "MIG-GPU-5f1c2a/1/0,x") == "MIG-GPU-5f1c2a/1/0")
        for (device, visible) in [(1, "3"), (1, "MIG-a,none,0"), (0, ""), (0, "-1"), (1, "0,-1,2"), (-1, "0")] {
            let error = #expect(throws: ONNXError.self) { try CUDADevices.driverName(of: device, visible: visible) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("CUDA_VISIBLE_DEVICES is '\(visible)'") == true)
        }
    }

    @Test("Without the driver's library the memory is unknown, and the reason names the library")
    func noDriver() {
        let error = #expect(throws: ONNXError.self) {
            try CUDADevices.memory(of: 0, visible: nil, library: "libnvidia-ml-that-is-not.so")
        }
        #expect(error?.code == .providerUnavailable)
        #expect(error?.message.contains("libnvidia-ml-that-is-not.so") == true)
        #expect(error?.message.contains("GPU 0") == true)
        let other = #expect(throws: ONNXError.self) {
            try CUDADevices.memory(of: 0, visible: nil, library: "libpng16.so.16")
        }
        #expect(other?.message.contains("NVML") == true)
    }

    @Test(
        "The memory of a part of a GPU is the part's, by any name that CUDA takes",
        .enabled(if: StandInNVML.canBeMade)
    )
    func parts() async throws {
        try await withTemporaryFolder { folder in
            let library = try FakeNVML.make(in: folder)
            func memory(_ visible: String?, device: Int = 0) throws -> UInt64 {
                try CUDADevices.memory(of: device, visible: visible, library: library)
            }
            #expect(try memory(nil) == 80000)
            #expect(try memory(FakeNVML.whole) == 80000)
            #expect(try memory("MIG-aaaa2222-0000") == 10000)
            #expect(try memory("MIG-\(FakeNVML.divided)/3/0") == 10000)
            #expect(try memory("MIG-\(FakeNVML.other)/1/1") == 2500)
            // Names that are cut short.
            #expect(try memory("GPU-1111") == 80000)
            #expect(try memory("MIG-bbbb4") == 2500)
            // A divided GPU by its number stands for its first part.
            #expect(try memory("1") == 5000)
            #expect(try memory(nil, device: 2) == 20000)
            for name in ["MIG-\(FakeNVML.divided)/3/1", "MIG-GPU-9/1/0", "MIG-GPU-9/x", "MIG-none", "GPU-9", "7"] {
                let error = #expect(throws: ONNXError.self) { try memory(name) }
                #expect(error?.code == .providerUnavailable)
                #expect(error?.message.contains("GPU \(name) has") == true)
                #expect(error?.message.contains("Not Found") == true)
            }
        }
    }

    @Test("The status says which provider runs and why others do not, in the requested order")
    func status() throws {
        let asked: [ONNXProvider] = [
            .cuda(memoryFraction: 0.5), .coreML(units: .cpuAndNeuralEngine), .init(shortName: "TensorRT"), .cpu,
        ]
        let session = try ONNXSession(
            .path(Golden.model("scalar")),
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(providers: asked)
        )
        let status = session.providerStatus
        #expect(status.running == session.provider.description)
        #expect(status.failed.map(\.provider) == Array(["CUDA", "CoreML", "TensorRT"].prefix(status.failed.count)))
        #expect(status.failed.allSatisfy { !$0.reason.isEmpty })
        #expect(try JSONDecoder().decode(ONNXProviderStatus.self, from: JSONEncoder().encode(status)) == status)
    }

    @Test("Core ML gets its settings under its own names")
    func coreML() {
        let provider = ONNXProvider.coreML(
            units: .cpuAndGPU,
            isProgram: false,
            needsStaticShapes: true,
            cacheFolder: "/c"
        )
        #expect(provider.name == "CoreMLExecutionProvider")
        #expect(
            provider.settings == [
                "MLComputeUnits": "CPUAndGPU", "ModelFormat": "NeuralNetwork", "RequireStaticInputShapes": "1",
                "ModelCacheDirectory": "/c",
            ]
        )
    }

    @Test("Configuration entries reach the runtime")
    func configuration() throws {
        let path = try Golden.model("scalar")
        let runtime = try Golden.runtime()
        let options = ONNXSessionOptions(configuration: [String(repeating: "k", count: 5000): "v"])
        // ONNX Runtime itself refuses keys of that length.
        #expect(throws: ONNXError.self) { try ONNXSession(.path(path), runtime: runtime, options: options) }
        let fine = ONNXSessionOptions(configuration: ["session.disable_prepacking": "1"])
        #expect(throws: Never.self) { try ONNXSession(.path(path), runtime: runtime, options: fine) }
    }
}
