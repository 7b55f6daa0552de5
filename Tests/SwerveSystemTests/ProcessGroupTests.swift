import SwerveSystem
import Testing

/// In a folder that stands in for a control group.
@Suite struct ProcessGroupTests {
    private func group(_ folder: String, controllers: String = "cpu memory\n", processes: [Int32]) throws -> String {
        try makeFile("\(folder)/cgroup.controllers", controllers)
        try makeFile("\(folder)/cgroup.procs", processes.map { "\($0)\n" }.joined())
        return folder
    }

    private func text(_ path: String) -> String? {
        (try? FileSystem.read(path, limit: 1000)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `a group has the limits that it is made with, and this process makes room for groups`() throws {
        try withFolder { folder in
            let own = try group(folder, processes: [ThisProcess.id])
            let groups = ProcessGroups { own }
            let made = try groups.make("one", memory: 1 << 28, cores: 2.5)
            #expect(made == "\(folder)/one")
            #expect(text("\(made)/memory.max") == "268435456")
            #expect(text("\(made)/memory.swap.max") == "0")
            #expect(text("\(made)/cpu.weight") == "250")
            #expect(text("\(folder)/swerve-main/cgroup.procs") == "0")
            #expect(text("\(folder)/cgroup.subtree_control") == "+cpu")
            let other = try groups.make("two", memory: nil, cores: 0.0001)
            #expect(text("\(other)/memory.max") == nil)
            #expect(text("\(other)/cpu.weight") == "1")
        }
    }

    @Test func `without permission, limits or solitude the reason says what is missing`() throws {
        func reason(_ groups: ProcessGroups) -> String? {
            do throws(ProcessGroups.Impossible) {
                _ = try groups.make("one", memory: 1, cores: nil)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason(ProcessGroups { nil }) == "there are no control groups of version 2")
        try withFolder { folder in
            let own = try group(folder, controllers: "cpu\n", processes: [ThisProcess.id])
            #expect(reason(ProcessGroups { own }) == "the control group of this process has no limits of memory")
        }
        try withFolder { folder in
            // The first process is neither this one nor one of its children.
            let own = try group(folder, processes: [1, ThisProcess.id])
            #expect(reason(ProcessGroups { own }) == "the control group of this process has other processes, too")
        }
    }

    @Test func `the kernel's count tells whether a group ran out of memory`() throws {
        try withFolder { folder in
            #expect(!ProcessGroups.ranOutOfMemory(folder))
            try makeFile("\(folder)/memory.events", "low 0\nmax 12\noom 0\noom_kill 0\n")
            #expect(!ProcessGroups.ranOutOfMemory(folder))
            try makeFile("\(folder)/memory.events", "low 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n")
            #expect(ProcessGroups.ranOutOfMemory(folder))
        }
    }
}
