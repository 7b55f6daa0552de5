import SwerveCore
import SwerveLaunch
import SwerveSystem
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a replica's process inherits from its parent, and what it does not. Each test runs in its own process, because
/// it changes process-wide state.
@Suite(.timeLimit(.minutes(5)), .serialized) struct InheritanceTests {
    @Test func `signals that the parent ignores or blocks have their default effect`() async {
        await #expect(processExitsWith: .success) {
            for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP] { signal(number, SIG_IGN) }
            var blocked = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGTERM)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            try await withDirectory { directory in
                try await Shell().run("exec grep -E '^Sig(Blk|Ign)' /proc/self/status > \(directory)/out")
                #expect(lines(of: "\(directory)/out").map(signals) == [[], []])
            }
        }
    }

    @Test func `a process has its own session, so that the terminal's signals do not reach it`() async throws {
        try await withDirectory { directory in
            var started: Int32 = 0
            try await Shell().run("exec cut -d ' ' -f 5,6 /proc/self/stat > \(directory)/out") { started = $1 }
            #expect(lines(of: "\(directory)/out") == ["\(started) \(started)"], "process group and session")
        }
    }

    @Test func `a process inherits only standard output and error from its parent`() async {
        await #expect(processExitsWith: .success) {
            for _ in 1...5 { #expect(open("/dev/null", O_RDONLY) >= 0) }
            try await withDirectory { directory in
                let shell = try Shell()
                try await shell.run("exec sleep 1000") { first, _ in
                    // The listing itself has one descriptor open, number 3, which it shows.
                    try await shell.run("exec ls /proc/self/fd > \(directory)/out", number: 2)
                    #expect(lines(of: "\(directory)/out") == ["0", "1", "2", "3"])
                    shell.launcher.kill(first)
                }
            }
        }
    }

    @Test(arguments: [true, false]) func `no descriptor is left open in the parent`(_ usesDescriptors: Bool) async {
        await #expect(processExitsWith: .success) { [usesDescriptors] in
            let shell = try Shell(usesDescriptors: usesDescriptors)
            let missing = try LocalProcessLauncher(executable: "/nowhere", usesDescriptors: usesDescriptors)
            // The first process opens what all of them share.
            try await shell.run("exit 0")
            let before = names(in: "/proc/self/fd")
            let rounds = 10
            for _ in 1...rounds {
                try await shell.run("exit 0")
                try await shell.run("exec sleep 1000") { replica, _ in shell.launcher.kill(replica) }
                for await _ in missing.events(of: ReplicaID(1)) {}
            }
            // Threads of the underlying libraries open a descriptor now and then, and close one shortly after reporting
            // that they did.
            #expect(names(in: "/proc/self/fd").count < before.count + rounds)
        }
    }

    @Test func `a start that fails for lack of descriptors says so, and the next start succeeds`() async {
        await #expect(processExitsWith: .success) {
            let shell = try Shell()
            try await shell.run("exit 0")
            let roomy = limit(of: openFiles)
            // The lowest free number: no descriptor can be opened from there on.
            let lowest = open("/dev/null", O_RDONLY)
            close(lowest)
            setLimit(of: openFiles, rlim_t(lowest))
            var reports: [ProcessEvent] = []
            for await event in shell.launcher.events(of: ReplicaID(1)) { reports.append(event) }
            setLimit(of: openFiles, roomy)
            guard reports.count == 1, case .exited(let reason, _) = reports[0] else {
                Issue.record("\(reports)")
                return
            }
            let expected = "no process could be started from '/bin/sh': Too many open files; this process's limit is "
            #expect(reason.hasPrefix(expected), "\(reason)")
            #expect(try await shell.run("exit 0") == "its process ended")
        }
    }

    @Test func `a discarded signal has no effect here and its usual effect on started programs`() async {
        await #expect(processExitsWith: .success) {
            for number in [SIGTERM, SIGPIPE] {
                signal(number, SIG_IGN)
                ProcessSignal(number).discard()
                raise(number)
            }
            let listing = try #require(popen("exec grep '^SigIgn' /proc/self/status", "r"))
            var line = [CChar](repeating: 0, count: 100)
            #expect(fgets(&line, 100, listing) != nil)
            pclose(listing)
            #expect(signals(text(line)) == [])
        }
    }
}

/// The signals in a line of `/proc/self/status`, without the two that glibc reserves for itself and ignores in
/// children.
private func signals(_ line: String) -> Set<Int> {
    let mask = UInt64(line.drop { $0 != "\t" }.dropFirst().prefix { $0.isHexDigit }, radix: 16) ?? .max
    return Set((1...64).filter { mask >> ($0 - 1) & 1 == 1 && $0 != 32 && $0 != 33 })
}

#if canImport(Glibc)
    private let openFiles = Int32(RLIMIT_NOFILE.rawValue)
#else
    private let openFiles = RLIMIT_NOFILE
#endif

private func limit(of resource: Int32) -> rlim_t {
    var limit = rlimit()
    getrlimit(resource, &limit)
    return limit.rlim_cur
}

private func setLimit(of resource: Int32, _ value: rlim_t) {
    var limit = rlimit()
    getrlimit(resource, &limit)
    limit.rlim_cur = value
    setrlimit(resource, &limit)
}

private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
