package import SwerveCore
internal import SwerveSystem

/// How a worker is kept to what its replica reserved.
struct WorkerLimits: Sendable {
    /// How its memory is limited; `nil` if the replica reserved none.
    private(set) var memory: MemoryLimit?
    private let gpus: [String]
    /// The folder of its control group, if it has one.
    private let group: String?

    /// The memory that a worker with a limit of its process may reserve for its threads' stacks and its runtime beyond
    /// what the replica reserved: 64 MiB.
    static let allowance = 64 << 20

    /// - Parameter name: the name of the worker's control group.
    init(for reservation: Reservation, group name: String, _ groups: ProcessGroups) {
        let resources = reservation.resources
        gpus = reservation.gpus
        guard resources.memory > 0 || resources.cpus > .zero else {
            group = nil
            return
        }
        do {
            let cores = resources.cpus > .zero ? resources.cpus.value : nil
            group = try groups.make(name, memory: resources.memory > 0 ? resources.memory : nil, cores: cores)
            if resources.memory > 0 { memory = MemoryLimit(bytes: resources.memory, enforcement: .controlGroup) }
        } catch {
            group = nil
            guard resources.memory > 0 else { return }
            memory = Self.limit(ofProcess: resources, because: error.reason)
        }
    }

    /// - Parameter reason: why a control group cannot limit it.
    private static func limit(ofProcess resources: Resources, because reason: String) -> MemoryLimit {
        if resources.gpus > .zero {
            let why = "\(reason), and a limit of the process would count memory that CUDA only sets aside"
            return MemoryLimit(bytes: resources.memory, enforcement: .none, reason: why)
        }
        guard ThisProcess.canLimitMemory else {
            return MemoryLimit(bytes: resources.memory, enforcement: .none, reason: reason)
        }
        return MemoryLimit(bytes: resources.memory, enforcement: .process)
    }

    func apply(to settings: inout WorkerSettings) {
        settings.gpus = gpus
        settings.group = group ?? ""
        settings.memory = memory?.enforcement == .process ? (memory?.bytes ?? 0) : 0
    }

    /// The worker has ended: removes its group.
    ///
    /// - Parameter reason: how it ended, with its last output.
    /// - Returns: the reason, with the limit if that was the cause.
    func ended(_ reason: String) -> String {
        defer { if let group { ProcessGroups.remove(group) } }
        guard let memory else { return reason }
        let amount = "\(memory.bytes / (1 << 20)) MiB"
        switch memory.enforcement {
        case .controlGroup:
            guard let group, ProcessGroups.ranOutOfMemory(group) else { return reason }
            return "it used more than the \(amount) of memory that it reserved: \(reason)"
        case .process:
            guard Self.complaints.contains(where: reason.contains) else { return reason }
            return "it asked for more than the \(amount) of memory that it reserved: \(reason)"
        default: return reason
        }
    }

    /// What programs say that are refused memory: Swift's runtime, C++'s, the C library, and Python.
    private static let complaints = [
        "failed to allocate", "Could not allocate memory", "bad_alloc", "Cannot allocate memory", "MemoryError",
    ]
}

extension WorkerSettings {
    /// Puts the limits into force for this process, which the settings are for.
    ///
    /// - Throws: ``ServeError`` with code `system` if one cannot be.
    package func limitThisProcess() throws(ServeError) {
        if !group.isEmpty {
            do {
                try ProcessGroups.enter(group)
            } catch {
                throw ServeError(.system, "the replica cannot enter its control group: \(error)")
            }
        }
        try limits.apply()
        guard memory > 0 else { return }
        let (limit, isTooMuch) = memory.addingReportingOverflow(WorkerLimits.allowance)
        if !isTooMuch, !ThisProcess.limitMemory(toFurther: limit) {
            throw ServeError(.system, "the memory of the replica's process cannot be limited")
        }
    }
}

extension Reservation {
    /// The variables that tell a process what it holds.
    var environment: [String: String] {
        var variables: [String: String] = [:]
        if !gpus.isEmpty {
            variables["CUDA_VISIBLE_DEVICES"] = gpus.joined(separator: ",")
            // Otherwise CUDA numbers devices by their speed, and NVML by their place.
            variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        }
        let threads = "OMP_NUM_THREADS"
        if resources.cpus > .zero, ThisProcess.environmentVariable(threads) == nil {
            // For libraries that would otherwise start a thread per core of the machine.
            variables[threads] = "\(max(1, Int(resources.cpus.value.rounded(.up))))"
        }
        return variables
    }
}

extension ProcessLimits {
    /// Limits this process, which cannot raise the limits again.
    fileprivate func apply() throws(ServeError) {
        for entry in entries {
            do {
                try entry.limit.set(entry.value)
            } catch {
                throw ServeError(.system, "the limit \(entry.name) cannot be \(entry.value): \(error)")
            }
        }
    }

    /// Refuses limits that are higher than what this process may pass on.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions`.
    package func checkBounds() throws(ServeError) {
        for entry in entries {
            guard let bound = entry.limit.bound, entry.value > bound, ThisProcess.userID != 0 else { continue }
            throw ServeError(
                .invalidOptions,
                "the limit \(entry.name) is \(entry.value), but the instance itself may have at most \(bound)"
            )
        }
    }
}

extension ProcessLimits.Entry {
    fileprivate var limit: ProcessLimit {
        switch kind {
        case .openFiles: .openFiles
        case .addressSpace: .addressSpace
        case .processes: .processes
        case .fileSize: .fileSize
        case .coreSize: .coreSize
        }
    }
}
