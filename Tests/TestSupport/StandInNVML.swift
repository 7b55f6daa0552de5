import Foundation

/// A library with the calls of NVML that Swerve uses, for GPUs that are not there. Tests compile it.
public enum StandInNVML {
    /// A GPU, or a part of one.
    public struct Device: Sendable {
        public var id: String
        /// In bytes.
        public var memory: Int
        /// The number of the GPU that it is, or is a part of. GPUs come before parts.
        public var gpu: Int
        /// For a part, what the driver calls GPU instance and compute instance.
        public var instances: (gpu: Int, compute: Int)?

        public init(_ id: String, memory: Int, gpu: Int, instances: (gpu: Int, compute: Int)? = nil) {
            self.id = id
            self.memory = memory
            self.gpu = gpu
            self.instances = instances
        }
    }

    /// Whether there is a compiler, which Swift's own package brings.
    public static let canBeMade: Bool = (try? run(["--version"])) == 0

    /// Compiles the library into a folder.
    ///
    /// - Returns: its file.
    public static func make(in folder: String, _ devices: [Device]) throws -> String {
        let table = devices.map { device in
            let instances = device.instances.map { "1, \($0.gpu), \($0.compute)" } ?? "0, 0, 0"
            return "{\"\(device.id)\", \(device.memory)ull, \(device.gpu), \(instances)}"
        }
        let source = """
            #define GPUS \(devices.count { $0.instances == nil })
            #define ALL \(devices.count)
            #include <string.h>
            typedef struct { const char *name; unsigned long long memory; int gpu, is_part; unsigned gi, ci; } device;
            static device all[] = {\(table.joined(separator: ", "))};
            \(calls)
            """
        try source.write(toFile: folder + "/nvml.c", atomically: true, encoding: .utf8)
        let path = folder + "/libnvml.so"
        guard try run(["-shared", "-fPIC", "-o", path, folder + "/nvml.c"]) == 0 else {
            throw CocoaError(.fileNoSuchFile)
        }
        return path
    }

    /// A device is a pointer to its entry. Names of parts in the old form are unknown, as with drivers since version 470.
    private static let calls = """
        int nvmlInit_v2(void) { return 0; }
        int nvmlShutdown(void) { return 0; }
        const char *nvmlErrorString(int code) { return code == 6 ? "Not Found" : "Unknown Error"; }
        int nvmlDeviceGetCount_v2(unsigned *count) { *count = GPUS; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { if (i >= GPUS) return 6; *d = &all[i]; return 0; }
        int nvmlDeviceGetHandleByUUID(const char *name, void **d) {
            for (int i = 0; i < ALL; i++) if (!strcmp(name, all[i].name)) { *d = &all[i]; return 0; }
            return 6;
        }
        int nvmlDeviceGetUUID(void *d, char *name, unsigned size) {
            strncpy(name, ((device *)d)->name, size); return 0;
        }
        int nvmlDeviceGetName(void *d, char *name, unsigned size) { strncpy(name, "Stand-in", size); return 0; }
        int nvmlDeviceGetMemoryInfo(void *d, unsigned long long *memory) { memory[0] = ((device *)d)->memory; return 0; }
        int nvmlDeviceGetMigMode(void *d, unsigned *current, unsigned *pending) {
            *current = *pending = 0;
            for (int i = GPUS; i < ALL; i++) if (all[i].gpu == ((device *)d)->gpu) *current = *pending = 1;
            return 0;
        }
        int nvmlDeviceGetMaxMigDeviceCount(void *d, unsigned *count) { *count = 7; return 0; }
        int nvmlDeviceGetMigDeviceHandleByIndex(void *d, unsigned index, void **part) {
            // Places without a part are between those that have one.
            if (index % 2 == 0) return 6;
            for (int i = GPUS, n = 0; i < ALL; i++) {
                if (all[i].gpu != ((device *)d)->gpu) continue;
                if (n++ == (int)index / 2) { *part = &all[i]; return 0; }
            }
            return 6;
        }
        int nvmlDeviceGetGpuInstanceId(void *d, unsigned *id) { *id = ((device *)d)->gi; return 0; }
        int nvmlDeviceGetComputeInstanceId(void *d, unsigned *id) { *id = ((device *)d)->ci; return 0; }
        """

    private static func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["clang"] + arguments
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
