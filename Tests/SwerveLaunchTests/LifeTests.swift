import SwerveCore
import SwerveLaunch
import SwerveSystem
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// From the start of a process to its end, with process descriptors and without.
@Suite(.timeLimit(.minutes(5)), .serialized) struct LifeTests {
    @Test(
        arguments: [
            ("exit 0", "its process ended"),
            ("exit 3", "its process exited with code 3"),
            ("kill -KILL $$", "its process was ended by signal 9 (killed)"),
            ("kill -TERM $$", "its process was ended by signal 15 (terminated)"),
            ("kill -ABRT $$", "its process was ended by signal 6 (abort)"),
        ],
        [true, false]
    )
    func `the end of a process is reported with its cause`(_ end: (String, String), _ usesDescriptors: Bool)
        async throws
    {
        #expect(try await Shell(usesDescriptors: usesDescriptors).run(end.0) == end.1)
    }

    @Test(arguments: [true, false]) func `a kill ends a process`(_ usesDescriptors: Bool) async throws {
        let shell = try Shell(usesDescriptors: usesDescriptors)
        let reason = try await shell.run("exec sleep 1000") { replica, _ in shell.launcher.kill(replica) }
        #expect(reason == "its process was ended by signal 9 (killed)")
    }

    @Test(arguments: [true, false]) func `a kill before the process exists also ends it`(
        _ usesDescriptors: Bool
    ) async throws {
        let launcher = try Shell(usesDescriptors: usesDescriptors).launcher
        let replica = ReplicaID(1)
        let events = launcher.events(of: replica, LaunchEnvironment(["SCRIPT": "exec sleep 1000"]))
        launcher.kill(replica)
        var reasons: [String] = []
        for await case .exited(let reason, _) in events { reasons.append(reason) }
        #expect(reasons == ["its process was ended by signal 9 (killed)"])
    }

    @Test(arguments: [true, false]) func `killing a process again, or one that ended or never existed, does nothing`(
        _ usesDescriptors: Bool
    ) async throws {
        let shell = try Shell(usesDescriptors: usesDescriptors)
        let reason = try await shell.run("exec sleep 1000") { replica, _ in
            for _ in 1...3 { shell.launcher.kill(replica) }
        }
        #expect(reason == "its process was ended by signal 9 (killed)")
        shell.launcher.kill(ReplicaID(1))
        shell.launcher.kill(ReplicaID(2))
    }

    @Test(arguments: [true, false]) func `nothing is left of a process once its end is reported`(
        _ usesDescriptors: Bool
    ) async throws {
        var process: Int32 = 0
        try await Shell(usesDescriptors: usesDescriptors).run("exit 0") { process = $1 }
        #expect(kill(process, 0) == -1 && errno == ESRCH, "not even a zombie")
    }

    @Test(arguments: [true, false]) func `each of many processes that end while being killed is reported once`(
        _ usesDescriptors: Bool
    ) async throws {
        let launcher = try Shell(usesDescriptors: usesDescriptors).launcher
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number: UInt64 in 1...40 {
                group.addTask {
                    var ends = 0
                    for await event in launcher.events(of: ReplicaID(number), LaunchEnvironment(["SCRIPT": "exit 0"])) {
                        for _ in 1...100 { launcher.kill(ReplicaID(number)) }
                        if case .exited = event { ends += 1 }
                    }
                    return ends
                }
            }
            for try await ends in group { #expect(ends == 1) }
        }
    }

    @Test func `a descriptor of a process that was waited for reaches no process`() async throws {
        let shell = try Shell()
        var descriptor: ProcessDescriptor?
        try await shell.run("exec sleep 1000") { replica, process in
            descriptor = ProcessDescriptor(process)
            #expect(descriptor?.signal(ProcessSignal(0)) == true)
            shell.launcher.kill(replica)
        }
        #expect(descriptor?.signal(ProcessSignal(0)) == false)
    }

    @Test func `waiting for the end of a process by its id leaves the id taken`() throws {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup("exit 7"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawn(&process, "/bin/sh", nil, nil, &arguments, nil) == 0)
        ProcessNumber.waitForEnd(of: process)
        #expect(kill(process, 0) == 0, "it still exists, although it has ended")
        var status: Int32 = 0
        #expect(waitpid(process, &status, WNOHANG) == process)
        #expect(status == 7 << 8)
    }

    @Test func `a process has the variables it is given and those of its parent`() async throws {
        try await withDirectory { directory in
            let script = "echo \"$GREETING\" > \(directory)/out; echo \"$PATH\" >> \(directory)/out"
            try await Shell().run(script, LaunchEnvironment(["GREETING": "two words = one"]))
            let path = try #require(getenv("PATH").map { String(cString: $0) })
            #expect(lines(of: "\(directory)/out") == ["two words = one", path])
        }
    }

    @Test(
        arguments: [
            ("/nowhere/program", "no process could be started from '/nowhere/program': there is no such file"),
            ("/etc/passwd", "no process could be started from '/etc/passwd': it cannot be executed"),
            ("/etc", "no process could be started from '/etc': it cannot be executed"),
        ]
    )
    func `a program that cannot be executed is reported as ended, and why`(_ executable: String, _ reason: String)
        async throws
    {
        let launcher = try LocalProcessLauncher(executable: executable)
        var reports: [ProcessEvent] = []
        for await event in launcher.events(of: ReplicaID(1)) { reports.append(event) }
        guard case .exited(reason, _)? = reports.first, reports.count == 1 else {
            Issue.record("\(reports)")
            return
        }
    }
}
