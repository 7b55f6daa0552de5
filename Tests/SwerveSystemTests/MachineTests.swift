import SwerveSystem
import Testing

@Suite struct MachineTests {
    @Test func `this machine has cores and memory`() {
        #expect(Machine.cores > 0)
        #expect(Machine.memory > 1 << 26)
    }

    @Test func `a limit of the control group counts if it is below the machine's memory`() {
        var files = [
            "/proc/meminfo": "MemFree: 1 kB\nMemTotal:       2048 kB\n", "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        ]
        #expect(Machine.memory { files[$0] } == 2 << 20)
        files["/sys/fs/cgroup/memory.max"] = "1048576\n"
        #expect(Machine.memory { files[$0] } == 1 << 20)
        files["/sys/fs/cgroup/memory.max"] = "9223372036854771712\n"
        #expect(Machine.memory { files[$0] } == 2 << 20)
        #expect(Machine.memory { _ in nil } == 0)
    }

    private static let devices = [
        NVIDIADevice(id: "GPU-aa1", gpu: 0), NVIDIADevice(id: "GPU-bb2", gpu: 1), NVIDIADevice(id: "MIG-cc3", gpu: 2),
        NVIDIADevice(id: "MIG-cc4", gpu: 2),
    ]

    @Test(arguments: [
        (nil, ["GPU-aa1", "GPU-bb2", "MIG-cc3", "MIG-cc4"]), ("2", ["MIG-cc3"]), ("1,0", ["GPU-bb2", "GPU-aa1"]),
        ("", []), ("GPU-b", ["GPU-bb2"]),
        ("MIG-cc3, 0", ["MIG-cc3", "GPU-aa1"]), ("0,-1,1", ["GPU-aa1"]), ("0,7,1", ["GPU-aa1"]), ("0,0", ["GPU-aa1"]),
    ])
    func `CUDA_VISIBLE_DEVICES chooses devices by number and by name`(value: String?, ids: [String]) {
        #expect(NVIDIADevice.visible(value, of: Self.devices).map(\.id) == ids)
    }

    @Test(
        arguments: [
            ("GPU-bb2", nil, 1), ("1", nil, 1), ("GPU-bb2", "1,0", 0), ("GPU-aa1", "1,0", 1),
            ("GPU-bb2", "GPU-aa1,GPU-bb2", 1),
            ("GPU-bb2", "GPU-a, GPU-b", 1), ("1", "GPU-b", 0), ("MIG-cc4", "MIG-cc4", 0), ("GPU-aa1", "1", nil),
            ("7", "0", nil),
        ] as [(String, String?, Int?)]
    )
    func `CUDA counts the devices that a process sees`(id: String, visible: String?, number: Int?) {
        #expect(NVIDIADevice.number(of: id, visible: visible) { Self.devices } == number)
    }

    @Test func `without the driver's library there are no devices`() {
        #expect(NVIDIADevice.all(library: "libnone.so.1").isEmpty)
    }
}
