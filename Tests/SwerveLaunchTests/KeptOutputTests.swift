import SwerveCore
import SwerveLaunch
import SwerveLogs
import Testing

/// What processes write is kept under their names.
@Suite(.timeLimit(.minutes(5))) struct KeptOutputTests {
    private let store = LogStore(LogOptions(maxLineBytes: 80)) { 0 }

    private func run(_ script: String, number: UInt64 = 1) async throws -> String {
        let launcher = try LocalProcessLauncher(
            executable: "/bin/sh",
            arguments: ["-c", #"eval "$SCRIPT""#],
            output: ProcessOutput(passesOn: false, keptIn: store)
        )
        var last = ""
        for await event in launcher.events(of: ReplicaID(number), LaunchEnvironment(["SCRIPT": script])) {
            if case .exited(_, let output) = event { last = output }
        }
        return last
    }

    private func texts(_ stream: OutputStream, number: UInt64 = 1) -> [String] {
        let lines = store.read(LogQuery(process: "\(ReplicaID(number))")).lines
        return lines.filter { $0.stream == stream }.map(\.text)
    }

    @Test func `both outputs are kept, with the last line that has no end, and the reason still has its last lines`()
        async throws
    {
        let last = try await run("echo one; echo two >&2; printf three; printf four >&2; exit 3")
        #expect(texts(.output) == ["one", "three"])
        #expect(texts(.error) == ["two", "four"])
        #expect(last == "two\nfour")
        #expect(store.processes.map(\.isRunning) == [false])
    }

    @Test func `processes that write at the same time have their own lines, all of them`() async throws {
        let script = "i=0; while [ $i -lt 500 ]; do echo $NUMBER-$i; i=$((i+1)); done"
        try await withThrowingTaskGroup { group in
            for number in 1...4 {
                group.addTask { _ = try await run("NUMBER=\(number); \(script)", number: UInt64(number)) }
            }
            try await group.waitForAll()
        }
        for number in 1...4 {
            #expect(texts(.output, number: UInt64(number)) == (0..<500).map { "\(number)-\($0)" })
        }
    }

    @Test func `a line without an end that never stops is cut, and the process goes on`() async throws {
        _ = try await run("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after")
        #expect(texts(.output) == [String(repeating: "x", count: 80) + " … (2999920 bytes more)", "after"])
    }

    @Test func `a program that a process left behind still writes under its name`() async throws {
        // It waits for a line that comes after the process's end.
        try await withDirectory { directory in
            let pipe = "\(directory)/pipe"
            _ = try await run("mkfifo \(pipe); (read line < \(pipe); echo later $line) & echo now")
            #expect(texts(.output) == ["now"])
            _ = try await run("echo word > \(pipe)", number: 2)
            for _ in 0..<1000 where texts(.output).count < 2 { _ = try await run("exit", number: 3) }
            #expect(texts(.output) == ["now", "later word"])
        }
    }
}
