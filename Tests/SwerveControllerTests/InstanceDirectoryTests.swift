import SwerveController
import SwerveCore
import SwerveLaunch
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Directories of instances that are alive, that were killed, and that are being made.
@Suite(.timeLimit(.minutes(5))) struct InstanceDirectoryTests {
    @Test func `an instance has its own directory, and leaves nothing behind`() throws {
        try withBase { base in
            let directory = try InstanceDirectory(in: base)
            var status = stat()
            #expect(lstat(directory.path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o700)
            #expect(names(in: base).map { "\(base)/\($0)" } == [directory.path])
            makeFile("\(directory.path)/controller.sock")
            directory.removeAll()
            #expect(names(in: base) == [])
        }
    }

    @Test func `the next instance removes what a killed one left behind`() async throws {
        try await withBase { base in
            await #expect(processExitsWith: .signal(SIGKILL)) { [base = base as String] in
                let directory = try InstanceDirectory(in: base)
                makeFile("\(directory.path)/controller.sock")
                kill(getpid(), SIGKILL)
            }
            let left = names(in: base)
            #expect(left.count == 1)
            let next = try InstanceDirectory(in: base)
            #expect(names(in: base).map { "\(base)/\($0)" } == [next.path])
            next.removeAll()
        }
    }

    @Test func `the directory of a live instance stays, for this process and for others`() async throws {
        try await withBase { base in
            let first = try InstanceDirectory(in: base)
            let second = try InstanceDirectory(in: base)
            await #expect(processExitsWith: .success) { [base = base as String] in
                try InstanceDirectory(in: base).removeAll()
            }
            #expect(Set(names(in: base).map { "\(base)/\($0)" }) == [first.path, second.path])
            first.removeAll()
            second.removeAll()
        }
    }

    @Test func `the lock decides, not whether a process with the number in the name exists`() throws {
        try withBase { base in
            // Process 1 is alive, but not an instance; no process can have the other number.
            makeDirectory("\(base)/swerve-1-abcdef", files: ["lock", "controller.sock"])
            makeDirectory("\(base)/swerve-4294967295-abcdef", files: ["lock"])
            let held = open("\(base)/swerve-4294967295-abcdef/lock", O_RDWR | O_CLOEXEC)
            #expect(flock(held, LOCK_EX) == 0)
            let directory = try InstanceDirectory(in: base)
            #expect(!names(in: base).contains("swerve-1-abcdef"))
            #expect(names(in: base).contains("swerve-4294967295-abcdef"))
            close(held)
            directory.removeAll()
        }
    }

    @Test func `the lock is free once the instance has ended, even if its child processes live on`() async throws {
        try await withBase { base in
            await #expect(processExitsWith: .signal(SIGKILL)) { [base = base as String] in
                _ = try InstanceDirectory(in: base)
                let script = "echo $$ > \(base)/child; exec sleep 1000"
                let launcher = try LocalProcessLauncher(executable: "/bin/sh", arguments: ["-c", script])
                let (started, continuation) = AsyncStream.makeStream(of: ProcessEvent.self)
                let replica = ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1)
                launcher.start(replica, environment: LaunchEnvironment()) { continuation.yield($0) }
                for await _ in started {
                    // The shell has written its process id once this file has a line.
                    while text(of: "\(base)/child").last != "\n" { sched_yield() }
                    kill(getpid(), SIGKILL)
                }
            }
            let child = try #require(Int32(text(of: "\(base)/child").dropLast()))
            defer { kill(child, SIGKILL) }
            #expect(kill(child, 0) == 0)
            let directory = try InstanceDirectory(in: base)
            #expect(names(in: base).count == 2, "the child's process id and the new directory")
            directory.removeAll()
            unlink("\(base)/child")
        }
    }

    @Test func `a directory that is being made stays, and an old draft is removed`() throws {
        try withBase { base in
            makeDirectory("\(base)/.swerve-abcdef", files: [])
            makeDirectory("\(base)/.swerve-ghijkl", files: ["lock"])
            makeDirectory("\(base)/.swerve-oldold", files: ["lock"])
            makeDirectory("\(base)/.swerve-oldest", files: [])
            for name in [".swerve-oldold", ".swerve-oldest"] {
                var times = [timeval](repeating: timeval(tv_sec: time(nil) - 7200, tv_usec: 0), count: 2)
                #expect(utimes("\(base)/\(name)", &times) == 0)
            }
            try InstanceDirectory(in: base).removeAll()
            #expect(names(in: base).sorted() == [".swerve-abcdef", ".swerve-ghijkl"])
        }
    }

    @Test func `only directories of the form that instances make are removed`() throws {
        try withBase { base in
            let others = [
                "swerve-hub-1", "swerve-1-abcdef-2", "swerve-x-abcdef", "swerve-1-abc.ef", "swerve-1-a", "swerve",
            ]
            for name in others { makeDirectory("\(base)/\(name)", files: ["lock"]) }
            makeDirectory("\(base)/elsewhere", files: ["lock"])
            #expect(symlink("\(base)/elsewhere", "\(base)/swerve-2-abcdef") == 0)
            makeFile("\(base)/swerve-3-abcdef")
            makeDirectory("\(base)/swerve-4-abcdef", files: ["without a lock"])
            makeDirectory("\(base)/swerve-5-abcdef", files: [])
            let before = Set(names(in: base))
            try InstanceDirectory(in: base).removeAll()
            #expect(before.subtracting(names(in: base)) == ["swerve-5-abcdef"], "the one whose removal was interrupted")
            #expect(names(in: "\(base)/elsewhere") == ["lock"])
        }
    }

    @Test(.enabled(if: getuid() == 0, "only the superuser can give files away"))
    func `another user's directory stays`() throws {
        try withBase { base in
            makeDirectory("\(base)/swerve-1-abcdef", files: ["lock"])
            #expect(chown("\(base)/swerve-1-abcdef", 12_345, 12_345) == 0)
            try InstanceDirectory(in: base).removeAll()
            #expect(names(in: base) == ["swerve-1-abcdef"])
        }
    }

    @Test func `instances that start and end at the same time do not get in each other's way`() async throws {
        try await withBase { base in
            await withTaskGroup(of: Void.self) { group in
                for isKilled in [false, false, true, true] {
                    group.addTask {
                        await #expect(processExitsWith: isKilled ? .signal(SIGKILL) : .success) {
                            [base = base as String, isKilled = isKilled as Bool] in
                            for _ in 1...200 {
                                let directory = try InstanceDirectory(in: base)
                                #expect(names(in: directory.path) == ["lock"])
                                makeFile("\(directory.path)/controller.sock")
                                #expect(names(in: directory.path).count == 2)
                                if !isKilled { directory.removeAll() }
                            }
                            if isKilled { kill(getpid(), SIGKILL) }
                        }
                    }
                }
            }
            try InstanceDirectory(in: base).removeAll()
            #expect(names(in: base) == [])
        }
    }
}
