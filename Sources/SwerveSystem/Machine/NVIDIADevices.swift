#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// An NVIDIA GPU, or a part of one that is divided (MIG), as the driver's library NVML knows it.
package struct NVIDIADevice: Hashable, Sendable {
    /// Its name for CUDA, `GPU-…` or `MIG-…`.
    package var id: String
    /// The driver's number of the GPU that it is, or is a part of.
    package var gpu: Int
    package var product: String
    /// In bytes.
    package var memory: Int

    package init(id: String, gpu: Int, product: String = "", memory: Int = 0) {
        self.id = id
        self.gpu = gpu
        self.product = product
        self.memory = memory
    }

    /// The devices that a process with this value of `CUDA_VISIBLE_DEVICES` sees, in its order: numbers, names or
    /// beginnings of names. A divided GPU by its number stands for its first part, as in CUDA.
    package static func visible(_ value: String?, of devices: [NVIDIADevice]) -> [NVIDIADevice] {
        guard let value else { return devices }
        var visible: [NVIDIADevice] = []
        for name in value.split(separator: ",", omittingEmptySubsequences: false) {
            let name = name.filter { !$0.isWhitespace }
            let number = Int(name)
            let found = devices.first { device in
                if let number { device.gpu == number } else { !name.isEmpty && device.id.hasPrefix(name) }
            }
            // CUDA ignores the first invalid entry and all after it.
            guard let found else { break }
            if !visible.contains(found) { visible.append(found) }
        }
        return visible
    }

    /// The number by which CUDA knows a device in a process with this value of `CUDA_VISIBLE_DEVICES`; `nil` if the
    /// process does not see it.
    ///
    /// - Parameters:
    ///   - id: a number or a name, as `CUDA_VISIBLE_DEVICES` takes it.
    ///   - devices: all of the machine, looked at if the environment alone does not tell.
    package static func number(of id: String, visible value: String?, devices: () -> [NVIDIADevice]) -> Int? {
        if let value {
            let names = value.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
            if let place = names.firstIndex(of: id) { return place }
            let devices = devices()
            guard let wanted = visible(id, of: devices).first else { return nil }
            return visible(value, of: devices).firstIndex(of: wanted)
        }
        return Int(id) ?? visible(id, of: devices()).first?.gpu
    }

    /// The file of NVML, which belongs to NVIDIA's driver.
    package static let library = "libnvidia-ml.so.1"

    /// All devices of the machine; none where NVML is not installed or does not start. A GPU that is divided is
    /// represented by its parts.
    package static func all(library: String = library) -> [NVIDIADevice] { asking(library) { $0.devices() } ?? [] }

    /// The bytes of GPU memory that each process uses, on all devices together; none where NVML does not tell. In a
    /// container the driver may know the processes by other numbers.
    package static func memoryByProcess(library: String = library) -> [Int32: Int] {
        asking(library) { $0.memoryByProcess() } ?? [:]
    }

    private static func asking<Result>(_ library: String, _ body: (NVMLCalls) -> Result) -> Result? {
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { return nil }
        defer { dlclose(handle) }
        guard let calls = NVMLCalls(handle), calls.begin() == 0 else { return nil }
        defer { _ = calls.end() }
        return body(calls)
    }
}

/// The functions of NVML that are used.
private struct NVMLCalls {
    typealias Device = UnsafeMutableRawPointer
    typealias Simple = @convention(c) () -> Int32
    typealias Count = @convention(c) (UnsafeMutablePointer<UInt32>) -> Int32
    typealias ByIndex = @convention(c) (UInt32, UnsafeMutablePointer<Device?>) -> Int32
    typealias Text = @convention(c) (Device, UnsafeMutablePointer<CChar>, UInt32) -> Int32
    typealias Memory = @convention(c) (Device, UnsafeMutablePointer<UInt64>) -> Int32
    typealias PartMode = @convention(c) (Device, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> Int32
    typealias PartCount = @convention(c) (Device, UnsafeMutablePointer<UInt32>) -> Int32
    typealias Processes = @convention(c) (Device, UnsafeMutablePointer<UInt32>, UnsafeMutableRawPointer?) -> Int32
    typealias Part = @convention(c) (Device, UInt32, UnsafeMutablePointer<Device?>) -> Int32

    let begin: Simple
    let end: Simple
    private let count: Count
    private let byIndex: ByIndex
    private let id: Text
    private let name: Text?
    private let memory: Memory
    // Drivers for GPUs that cannot be divided may lack these.
    private let partMode: PartMode?
    private let partCount: PartCount?
    private let part: Part?
    private let processes: Processes?

    /// `nil` if the library lacks one of the functions.
    init?(_ library: UnsafeMutableRawPointer) {
        func find<Function>(_ symbol: String, as type: Function.Type) -> Function? {
            dlsym(library, symbol).map { unsafeBitCast($0, to: type) }
        }
        guard let begin = find("nvmlInit_v2", as: Simple.self), let end = find("nvmlShutdown", as: Simple.self),
            let count = find("nvmlDeviceGetCount_v2", as: Count.self),
            let byIndex = find("nvmlDeviceGetHandleByIndex_v2", as: ByIndex.self),
            let id = find("nvmlDeviceGetUUID", as: Text.self),
            let memory = find("nvmlDeviceGetMemoryInfo", as: Memory.self)
        else { return nil }
        (self.begin, self.end, self.count, self.byIndex) = (begin, end, count, byIndex)
        (self.id, self.memory) = (id, memory)
        name = find("nvmlDeviceGetName", as: Text.self)
        partMode = find("nvmlDeviceGetMigMode", as: PartMode.self)
        partCount = find("nvmlDeviceGetMaxMigDeviceCount", as: PartCount.self)
        part = find("nvmlDeviceGetMigDeviceHandleByIndex", as: Part.self)
        processes = find("nvmlDeviceGetComputeRunningProcesses_v3", as: Processes.self)
    }

    func devices() -> [NVIDIADevice] {
        gpus().flatMap { gpu, index in (parts(of: gpu) ?? [gpu]).compactMap { describe($0, index) } }
    }

    private func gpus() -> [(Device, index: Int)] {
        var total: UInt32 = 0
        guard count(&total) == 0 else { return [] }
        return (0..<min(total, 1024)).compactMap { index in
            var gpu: Device?
            return byIndex(index, &gpu) == 0 ? gpu.map { ($0, Int(index)) } : nil
        }
    }

    /// At most this many processes of a device are looked at.
    private static let mostProcesses = 1024
    /// The structure has the process, the used bytes and the numbers of a part: 4, 4 unused, 8, 4 and 4 bytes.
    private static let processWords = 3

    func memoryByProcess() -> [Int32: Int] {
        guard let processes else { return [:] }
        var memory: [Int32: Int] = [:]
        for device in gpus().flatMap({ parts(of: $0.0) ?? [$0.0] }) {
            var words = [UInt64](repeating: 0, count: Self.mostProcesses * Self.processWords)
            var count = UInt32(Self.mostProcesses)
            guard words.withUnsafeMutableBytes({ processes(device, &count, $0.baseAddress) }) == 0 else { continue }
            for index in 0..<Int(min(count, UInt32(Self.mostProcesses))) {
                let (process, used) = (words[index * Self.processWords], words[index * Self.processWords + 1])
                // All ones where the driver does not tell.
                guard used < UInt64(Int64.max) else { continue }
                memory[Int32(truncatingIfNeeded: process), default: 0] += Int(used)
            }
        }
        return memory
    }

    /// `nil` if the GPU is not divided.
    private func parts(of gpu: Device) -> [Device]? {
        guard let partMode, let partCount, let part else { return nil }
        var (mode, next, limit): (UInt32, UInt32, UInt32) = (0, 0, 0)
        guard partMode(gpu, &mode, &next) == 0, mode == 1, partCount(gpu, &limit) == 0 else { return nil }
        return (0..<min(limit, 1024)).compactMap { index in
            var found: Device?
            return part(gpu, index, &found) == 0 ? found : nil
        }
    }

    private func describe(_ device: Device, _ gpu: Int) -> NVIDIADevice? {
        // The structure has the total, the free and the used bytes; a margin for fields that later versions may add.
        var numbers = [UInt64](repeating: 0, count: 16)
        guard let id = text(id, device), memory(device, &numbers) == 0 else { return nil }
        let product = name.flatMap { text($0, device) } ?? ""
        return NVIDIADevice(id: id, gpu: gpu, product: product, memory: Int(clamping: numbers[0]))
    }

    private func text(_ call: Text, _ device: Device) -> String? {
        var text = [CChar](repeating: 0, count: 97)
        guard call(device, &text, 96) == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
