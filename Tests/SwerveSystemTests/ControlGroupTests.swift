import SwerveSystem
import Testing

@Suite("Quotas of control groups")
struct ControlGroupTests {
    private static let unified = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let old = """
        33 32 0:29 /docker/1f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
        34 32 0:30 /docker/1f /sys/fs/cgroup/cpu,cpuacct ro master:12 - cgroup cgroup rw,cpu,cpuacct

        """

    private func quota(_ group: String, _ mounts: String, _ files: [String: String]) -> Double? {
        var files = files
        files["/proc/self/cgroup"] = group
        files["/proc/self/mountinfo"] = mounts
        return ControlGroups.quota { files[$0] }
    }

    @Test("The smallest quota from the process's group up to the root counts")
    func nested() {
        let root = "/sys/fs/cgroup"
        let files = [
            "\(root)/kubepods/pod7/box/cpu.max": "max 100000\n", "\(root)/kubepods/pod7/cpu.max": "250000 100000\n",
            "\(root)/kubepods/cpu.max": "800000 100000\n", "\(root)/other/cpu.max": "1000 100000",
        ]
        #expect(quota("0::/kubepods/pod7/box\n", Self.unified, files) == 2.5)
        #expect(quota("0::/kubepods", Self.unified, files) == 8)
        #expect(quota("0::/", Self.unified, files) == nil)
    }

    @Test("A container that sees its own group as the root has that group's quota")
    func namespace() {
        let files = ["/sys/fs/cgroup/cpu.max": "150000 50000"]
        #expect(quota("0::/", Self.unified, files) == 3)
        // A group that lies outside of what the container sees.
        #expect(quota("0::/../other", Self.unified, files) == 3)
    }

    @Test("Groups of version 1 are found where they are mounted, below the group that is shown there")
    func version1() {
        let place = "/sys/fs/cgroup/cpu,cpuacct"
        let files = [
            "\(place)/cpu.cfs_quota_us": "400000\n", "\(place)/cpu.cfs_period_us": "100000\n",
            "\(place)/job/cpu.cfs_quota_us": "50000\n", "\(place)/job/cpu.cfs_period_us": "100000\n",
            "\(place)/free/cpu.cfs_quota_us": "-1\n", "\(place)/free/cpu.cfs_period_us": "100000\n",
        ]
        func group(_ path: String) -> String { "11:memory:/docker/1f\n4:cpu,cpuacct:\(path)\n1:name=systemd:/x\n" }
        #expect(quota(group("/docker/1f"), Self.old, files) == 4)
        #expect(quota(group("/docker/1f/job"), Self.old, files) == 0.5)
        #expect(quota(group("/docker/1f/free"), Self.old, files) == 4)
        #expect(quota(group("/docker/1f/job"), Self.old.replacing("rw,cpu,", with: "rw,"), files) == nil)
    }

    @Test("With both versions mounted, both count")
    func hybrid() {
        let mounts = Self.old + "40 32 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        let files = [
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/unified/a/cpu.max": "100000 100000",
        ]
        #expect(quota("4:cpu:/docker/1f\n0::/a\n", mounts, files) == 1)
        #expect(quota("4:cpu:/docker/1f\n0::/b\n", mounts, files) == 4)
    }

    @Test("The smallest limit of memory from the process's group up to the root counts")
    func memory() {
        let files = [
            "/proc/self/cgroup": "0::/pod/box\n", "/proc/self/mountinfo": Self.unified,
            "/sys/fs/cgroup/pod/box/memory.max": "max\n", "/sys/fs/cgroup/pod/memory.max": "1073741824\n",
        ]
        #expect(ControlGroups.memoryLimit { files[$0] } == 1 << 30)
    }

    @Test("Spaces in the place of a mount are written as octal numbers")
    func escaped() {
        let mounts = "30 23 0:26 / /my\\040groups rw - cgroup2 none rw\n"
        #expect(quota("0::/a", mounts, ["/my groups/a/cpu.max": "200000 100000"]) == 2)
    }

    @Test(
        "Files that are missing or damaged mean that there is no quota",
        arguments: ["", "max 100000", "100000", "100000 0", "-1 100000", "0 100000", "x y", "100000 max"]
    )
    func damaged(content: String) {
        #expect(quota("0::/", Self.unified, ["/sys/fs/cgroup/cpu.max": content]) == nil)
        #expect(quota("0::/", content, [:]) == nil)
        #expect(quota(content, Self.unified, ["/sys/fs/cgroup/cpu.max": "100000 100000"]) == nil)
    }

    @Test("Nothing is read as no quota")
    func none() {
        #expect(ControlGroups.quota { _ in nil } == nil)
        #expect(ControlGroups.memoryLimit { _ in nil } == nil)
    }
}
