internal import SwerveCore
internal import SwerveSystem

/// A process of the instance, and what it uses.
struct InstanceProcess: Hashable, Sendable, Encodable {
    /// What a process is for.
    enum Kind: String, Hashable, Sendable, Encodable { case instance, controller, proxy, replica }

    var processID: Int32
    var kind: Kind
    var application: String?
    var deployment: String?
    var replica: ReplicaID?
    /// The proxy's number.
    var proxy: UInt64?
    /// `running` for the instance and the controller.
    var state: String
    /// Absent where the system does not tell: seconds, percent of one core over the last sample, bytes.
    var uptime: Double?
    var cpuPercent: Double?
    var memoryBytes: Int?
    /// Bytes of GPU memory; absent without NVIDIA's library, or if the process uses no GPU.
    var gpuMemoryBytes: Int?

    /// The processes of an instance: itself, its controller, its proxies and its replicas, in this order.
    static func all(_ document: StatusDocument) -> [InstanceProcess] {
        let facts = document.facts
        var processes = [InstanceProcess(processID: facts.processID, kind: .instance, state: "running")]
        if let controller = facts.controller.processID, controller != facts.processID {
            processes.append(InstanceProcess(processID: controller, kind: .controller, state: "running"))
        }
        for proxy in facts.proxies {
            guard let id = proxy.processID else { continue }
            let state = proxy.state.rawValue
            processes.append(InstanceProcess(processID: id, kind: .proxy, proxy: proxy.number, state: state))
        }
        let deployments = document.status.applications.values.flatMap(\.deployments.values)
        for replica in deployments.flatMap(\.replicas).sorted(by: { $0.id < $1.id }) {
            // Those in the instance's own process have none of their own.
            guard let id = replica.processID, id != facts.processID else { continue }
            processes.append(
                InstanceProcess(
                    processID: id,
                    kind: .replica,
                    application: replica.id.deployment.application,
                    deployment: replica.id.deployment.deployment,
                    replica: replica.id,
                    state: replica.state.rawValue
                )
            )
        }
        return processes
    }
}

/// Measures what processes use. A measurement is good for ``freshness``: reading the memory of a large process takes the
/// system a while.
actor ProcessTable {
    /// How long a measurement is used again: 0.5 s.
    static let freshness: Int64 = 500_000_000
    /// How long the processor time is watched where nothing was measured in the last ``oldest``: 0.2 s.
    static let firstSample = Duration.milliseconds(200)
    /// The oldest measurement that a percentage counts from: 60 s.
    static let oldest: Int64 = 60_000_000_000

    private struct Sample {
        /// In nanoseconds since 1970.
        let at: Int64
        let usage: [Int32: ProcessUsage]
    }

    private let time: AdminTime
    private let usage: @Sendable (Int32) -> ProcessUsage?
    private let gpuMemory: @Sendable () -> [Int32: Int]
    private var last: Sample?
    private var result: (at: Int64, processes: [InstanceProcess])?

    init(
        _ time: AdminTime,
        usage: @escaping @Sendable (Int32) -> ProcessUsage? = { ProcessUsage.of($0) },
        gpuMemory: @escaping @Sendable () -> [Int32: Int] = { NVIDIADevice.memoryByProcess() }
    ) {
        self.time = time
        self.usage = usage
        self.gpuMemory = gpuMemory
    }

    /// - Throws: `CancellationError`.
    func measure(_ processes: [InstanceProcess]) async throws -> [InstanceProcess] {
        let ids = processes.map(\.processID)
        if let result, time.wall() - result.at < Self.freshness, result.processes.map(\.processID) == ids {
            return result.processes
        }
        if last.map({ time.wall() - $0.at > Self.oldest }) ?? true {
            last = sample(ids)
            try await time.sleep(Self.firstSample)
        }
        let (before, now) = (last, sample(ids))
        let gpu = gpuMemory()
        let measured = processes.map { process in
            var process = process
            guard let usage = now.usage[process.processID] else { return process }
            process.uptime = max(0, Double(now.at) / 1e9 - usage.startedAt)
            process.memoryBytes = usage.memory
            process.gpuMemoryBytes = gpu[process.processID]
            if let before, let earlier = before.usage[process.processID], earlier.startedAt == usage.startedAt,
                now.at > before.at
            {
                let used = (usage.processorTime - earlier.processorTime).seconds
                process.cpuPercent = 100 * used / (Double(now.at - before.at) / 1e9)
            }
            return process
        }
        (last, result) = (now, (now.at, measured))
        return measured
    }

    private func sample(_ ids: [Int32]) -> Sample {
        Sample(
            at: time.wall(),
            usage: Dictionary(ids.compactMap { id in usage(id).map { (id, $0) } }) { first, _ in first }
        )
    }
}
