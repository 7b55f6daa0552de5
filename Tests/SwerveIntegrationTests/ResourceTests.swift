import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Tells what it was given, and takes memory.
@Deployment
distributed actor Tenant {
    private let gpus: [String]
    private var memory: [UnsafeMutableRawPointer] = []

    init() {
        gpus = ReplicaContext.current?.gpus ?? []
    }

    distributed func gpusOfContext() -> [String] { gpus }
    distributed func process() -> Int32 { getpid() }
    distributed func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    /// The process and a variable of its environment, in one answer of one replica.
    distributed func processAndVariable(_ name: String) -> [String] {
        ["\(getpid())", getenv(name).map { String(cString: $0) } ?? "none"]
    }
    /// Takes memory and writes to it.
    distributed func take(mebibytes: Int) -> Int {
        var bytes = [UInt8](repeating: 1, count: mebibytes << 20)
        bytes[bytes.count / 2] = 2
        return bytes.reduce(0) { $0 &+ Int($1) }
    }
}

extension IntegrationTests {
    /// Replicas get what they reserve, and no more than there is.
    @Suite struct ResourceLimits {
        /// Two GPUs that are not there.
        private static func twoGPUs(_ folder: String) throws -> NodeResources {
            let library = try StandInNVML.make(
                in: folder,
                [.init("GPU-aaaa", memory: 8 << 30, gpu: 0), .init("GPU-bbbb", memory: 16 << 30, gpu: 1)]
            )
            return .detected(library: library)
        }

        private func withNode(_ node: NodeResources, _ body: (ServeInstance) async throws -> Void) async throws {
            var options = ServeOptions.testing
            options.node = node
            try await withTestInstance(options: options, body)
        }

        private func tenants(_ replicas: Int, _ resources: Resources) -> Tenant {
            Tenant.options(numReplicas: replicas, resources: resources, routing: .roundRobin).bind()
        }

        @Test(.enabled(if: StandInNVML.canBeMade))
        func `the GPUs that NVML knows are the node's`() async throws {
            try await withTemporaryFolder { folder in
                let node = try Self.twoGPUs(folder)
                #expect(node.gpus.map(\.id) == ["GPU-aaaa", "GPU-bbbb"])
                #expect(node.gpus.map(\.memory) == [8 << 30, 16 << 30])
                #expect(node.gpus.map(\.name) == ["Stand-in", "Stand-in"])
                #expect(node.cpus > .zero && node.memory > 0)
            }
        }

        @Test(.enabled(if: StandInNVML.canBeMade))
        func `of ten replicas with 0.3 GPU, three share each device and the others wait`() async throws {
            try await withTemporaryFolder { folder in
                try await withNode(Self.twoGPUs(folder)) { instance in
                    let part = Resources(gpus: 0.3)
                    let first = try await instance.run(tenants(5, part), name: "first", routePrefix: nil)
                    let second = try await instance.run(tenants(1, part), name: "second", routePrefix: nil)
                    try await instance.scale("Tenant", application: "second", to: 5)
                    let waiting = try #require(await instance.status().applications["second"]?.deployments["Tenant"])
                    let pending = try #require(waiting.pending)
                    #expect(pending.count == 4)
                    #expect(pending.reason.hasPrefix("needs 0.3 gpu; node local has 0.2 of 2 free"))
                    #expect(pending.reason.contains("held by first/Tenant#1 0.3, first/Tenant#2 0.3"))
                    #expect(pending.reason.hasSuffix(", 3 others"))
                    #expect(waiting.message.contains("1 of 5 replicas running; 4 pending: needs 0.3 gpu"))

                    var seen: [String: String] = [:]
                    for _ in 0..<5 {
                        let answer = try await first.processAndVariable("CUDA_VISIBLE_DEVICES")
                        seen[answer[0]] = answer[1]
                    }
                    let answer = try await second.processAndVariable("CUDA_VISIBLE_DEVICES")
                    seen[answer[0]] = answer[1]
                    #expect(
                        seen.values.sorted() == [
                            "GPU-aaaa", "GPU-aaaa", "GPU-aaaa", "GPU-bbbb", "GPU-bbbb", "GPU-bbbb",
                        ]
                    )
                    #expect(try await first.variable("CUDA_DEVICE_ORDER") == "PCI_BUS_ID")
                    // The status says the same as the workers' environments.
                    let status = await instance.status().applications
                    for name in ["first", "second"] {
                        for replica in status[name]?.deployments["Tenant"]?.replicas ?? [] {
                            let process = try #require(replica.processID)
                            #expect(replica.reservation?.gpus == [seen["\(process)"] ?? "unknown"])
                            #expect(replica.reservation?.node == "local")
                        }
                    }
                    // Room for four.
                    try await instance.delete("first")
                    try await instance.waitUntilHealthy("second")
                    let all = await instance.status().applications["second"]?.deployments["Tenant"]
                    #expect(all?.replicas.count == 5)
                    #expect(all?.pending == nil)
                }
            }
        }

        @Test func `what no node could ever give is refused at once`() async throws {
            let gpus = ["0", "1"].map { NodeResources.GPU(id: $0) }
            try await withNode(NodeResources(cpus: 2, gpus: gpus, memory: 1 << 30)) { instance in
                let error = await #expect(throws: ServeError.self) {
                    try await instance.run(tenants(10, Resources(gpus: 0.3)), routePrefix: nil)
                }
                #expect(error?.code == .insufficientResources)
                #expect(error?.message.contains("10 replicas, of which 6 fit: each needs 0.3 gpu") == true)
                #expect(await instance.status().applications.isEmpty)
            }
        }

        @Test func `replicas in this process know their devices, though they see all`() async throws {
            let gpus = ["5", "7"].map { NodeResources.GPU(id: $0) }
            try await withNode(NodeResources(cpus: 2, gpus: gpus, memory: 1 << 30)) { instance in
                let bound = Tenant.options(
                    numReplicas: 2,
                    resources: Resources(gpus: 1, memory: 1 << 20),
                    placement: .inProcess,
                    routing: .roundRobin
                ).bind()
                let tenant = try await instance.run(bound, routePrefix: nil)
                let seen = try await [tenant.gpusOfContext(), tenant.gpusOfContext()]
                #expect(seen.sorted { $0[0] < $1[0] } == [["5"], ["7"]])
                let replica = await instance.status().applications["default"]?.deployments["Tenant"]?.replicas.first
                #expect(replica?.memoryLimit?.enforcement == MemoryLimit.Enforcement.none)
                #expect(replica?.memoryLimit?.description == "1 MiB, not enforced: it shares a process with others")
            }
        }

        #if os(Linux)
            @Test func `a replica that takes more memory than it reserved ends, and the reason says so`() async throws {
                try await withNode(NodeResources(cpus: 2, memory: 4 << 30)) { instance in
                    let tenant = try await instance.run(tenants(1, Resources(memory: 256 << 20)), routePrefix: nil)
                    let replica = await instance.status().applications["default"]?.deployments["Tenant"]?.replicas.first
                    #expect(replica?.memoryLimit?.bytes == 256 << 20)
                    #expect(replica?.memoryLimit?.enforcement != MemoryLimit.Enforcement.none)
                    #expect(try await tenant.take(mebibytes: 50) > 50 << 20)
                    let reason = "more than the 256 MiB of memory that it reserved"
                    async let end = instance.waitUntil {
                        $0?.deployments["Tenant"]?.message.contains(reason) == true
                    }
                    let error = await #expect(throws: ServeError.self) { try await tenant.take(mebibytes: 2000) }
                    #expect(error?.code == .replicaLost)
                    _ = try await end
                    // The next replica serves.
                    #expect(try await tenant.take(mebibytes: 1) > 1 << 20)
                }
            }
        #endif

        @Test func `reserved cores set the number of threads of libraries that look for it`() async throws {
            try await withNode(NodeResources(cpus: 4, memory: 1 << 30)) { instance in
                let tenant = try await instance.run(tenants(1, Resources(cpus: 2.5)), routePrefix: nil)
                let threads = getenv("OMP_NUM_THREADS").map { String(cString: $0) }
                #expect(try await tenant.variable("OMP_NUM_THREADS") == threads ?? "3")
            }
        }
    }
}
