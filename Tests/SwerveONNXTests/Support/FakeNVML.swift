import Foundation

/// A library with the calls of NVML that are used, for three GPUs of which the second and third are divided.
enum FakeNVML {
    static let whole = "GPU-11111111-aaaa-0000-0000-000000000000"
    static let divided = "GPU-22222222-bbbb-0000-0000-000000000000"
    static let other = "GPU-33333333-cccc-0000-0000-000000000000"

    /// A device is a pointer to its entry. Names of parts in the old form are unknown, as with drivers since version 470.
    private static let source = """
        #include <string.h>
        typedef struct { const char *name; unsigned long long memory; int gpu; unsigned gi, ci; } device;
        static device all[] = {
            {"\(whole)", 80000, 0, 0, 0}, {"\(divided)", 40000, 1, 0, 0}, {"\(other)", 40000, 2, 0, 0},
            {"MIG-aaaa1111-0000", 5000, 1, 7, 0}, {"MIG-aaaa2222-0000", 10000, 1, 3, 0}, {"MIG-bbbb3333-0000", 20000, 2, 1, 0},
            {"MIG-bbbb4444-0000", 2500, 2, 1, 1},
        };
        int nvmlInit_v2(void) { return 0; }
        int nvmlShutdown(void) { return 0; }
        const char *nvmlErrorString(int code) { return code == 6 ? "Not Found" : "Unknown Error"; }
        int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { if (i > 2) return 6; *d = &all[i]; return 0; }
        int nvmlDeviceGetHandleByUUID(const char *name, void **d) {
            for (int i = 0; i < 7; i++) if (!strcmp(name, all[i].name)) { *d = &all[i]; return 0; }
            return 6;
        }
        int nvmlDeviceGetUUID(void *d, char *name, unsigned size) {
            strncpy(name, ((device *)d)->name, size); return 0;
        }
        int nvmlDeviceGetMemoryInfo(void *d, unsigned long long *memory) { memory[0] = ((device *)d)->memory; return 0; }
        int nvmlDeviceGetMigMode(void *d, unsigned *current, unsigned *pending) {
            *current = *pending = ((device *)d)->gpu > 0; return 0;
        }
        int nvmlDeviceGetMaxMigDeviceCount(void *d, unsigned *count) { *count = 7; return 0; }
        int nvmlDeviceGetMigDeviceHandleByIndex(void *d, unsigned index, void **part) {
            // Places without a part are between those that have one.
            if (index % 2 == 0) return 6;
            for (int i = 3, n = 0; i < 7; i++) {
                if (all[i].gpu != ((device *)d)->gpu) continue;
                if (n++ == (int)index / 2) { *part = &all[i]; return 0; }
            }
            return 6;
        }
        int nvmlDeviceGetGpuInstanceId(void *d, unsigned *id) { *id = ((device *)d)->gi; return 0; }
        int nvmlDeviceGetComputeInstanceId(void *d, unsigned *id) { *id = ((device *)d)->ci; return 0; }
        """

    /// Whether there is a compiler, which Swift's own package brings.
    static let canBeMade: Bool = (try? run(["--version"])) == 0

    /// Compiles the library into a folder.
    static func make(in folder: String) throws -> String {
        try source.write(toFile: folder + "/nvml.c", atomically: true, encoding: .utf8)
        let path = folder + "/libnvml.so"
        guard try run(["-shared", "-fPIC", "-o", path, folder + "/nvml.c"]) == 0 else {
            throw CocoaError(.fileNoSuchFile)
        }
        return path
    }

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
