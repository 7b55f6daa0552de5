import Foundation
import SwerveCore
import SwerveLaunch
import Testing

/// The variables and the folder of processes.
@Suite(.timeLimit(.minutes(5))) struct EnvironmentTests {
    private func entries(_ environment: LaunchEnvironment, _ own: String...) -> [String]? {
        environment.entries(inheriting: own.map { Array($0.utf8) })?.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `given variables take the place of inherited ones, and the rest is left out`() {
        let environment = LaunchEnvironment(["B": "new", "C": "x=y"], inherits: .only(["A", "B", "D_*"]))
        let found = entries(environment, "A=1", "B=old", "D_1=", "E=secret", "=odd", "none")
        #expect(found == ["A=1", "D_1=", "B=new", "C=x=y"])
        #expect(entries(LaunchEnvironment(["A": "1"]), "B=2") == nil, "everything is inherited")
    }

    @Test func `a variable that is no text is passed on as it is`() {
        let bytes = Array("PATH=".utf8) + [0xFF, 0xFE]
        #expect(LaunchEnvironment(inherits: .base).entries(inheriting: [bytes]) == [bytes])
    }

    @Test func `a process starts in its folder, with its variables and no others`() async throws {
        try await withDirectory { directory in
            setenv("LAUNCH_TEST_SECRET", "hush", 1)
            let environment = LaunchEnvironment(["MINE": "yes"], inherits: .base, workingDirectory: directory)
            try await Shell().run("{ pwd; env; } > '\(directory)/out'", environment)
            let found = lines(of: "\(directory)/out")
            #expect(found.first == directory)
            #expect(found.contains("MINE=yes") && found.contains("PWD=\(directory)"))
            #expect(!found.contains { $0.hasPrefix("LAUNCH_TEST_SECRET") })
            try await Shell().run("env > '\(directory)/out'")
            #expect(lines(of: "\(directory)/out").contains("LAUNCH_TEST_SECRET=hush"))
        }
    }

    @Test func `a folder that is not there is the reason of the failure`() async throws {
        let environment = LaunchEnvironment(workingDirectory: "/nonexistent")
        var reports: [ProcessEvent] = []
        for await event in try Shell().launcher.events(of: ReplicaID(1), environment) { reports.append(event) }
        guard reports.count == 1, case .exited(let reason, _) = reports[0] else {
            Issue.record("\(reports)")
            return
        }
        #expect(reason.contains("it cannot start in its working directory") && reason.contains("/nonexistent"))
    }

    @Test func `a relative path of a program means the same in another folder`() async throws {
        let launcher = try LocalProcessLauncher(executable: "/bin/sh", arguments: ["-c", "exit 7"])
        let (stream, continuation) = AsyncStream.makeStream(of: ProcessEvent.self)
        let here = FileManager.default.currentDirectoryPath
        let up = here.split(separator: "/").map { _ in "../" }.joined()
        launcher.start(
            ReplicaID(1),
            executable: "\(up)bin/sh",
            environment: LaunchEnvironment(workingDirectory: "/tmp")
        ) { event in
            continuation.yield(event)
            if case .exited = event { continuation.finish() }
        }
        var last: String?
        for await event in stream { if case .exited(let reason, _) = event { last = reason } }
        #expect(last == "its process exited with code 7")
    }
}
