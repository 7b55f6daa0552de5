import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Programs that are rebuilt, moved or deleted while their applications run, or before they start again.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RebuildTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-builds-\(UUID())")
    private var state: String { folder.appending(path: "state").path() }

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    // MARK: While it runs

    @Test(arguments: [("-", "embedded"), ("state", "embedded"), ("state", "separate")])
    func `replicas heal when the file of their program is gone`(_ state: String, _ controller: String) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let name = try build(1)
        let program = try Program(name, [state == "-" ? "-" : self.state, controller, "hello"])
        #expect(try await program.line() == "deployed")
        let port = try #require(Int(try await program.line().dropFirst("port ".count)))
        for isReplaced in [false, true] {
            try FileManager.default.removeItem(at: name)
            if isReplaced { try Data("not a program".utf8).write(to: name) }
            let before = program.children
            for child in before { kill(child, SIGKILL) }
            try await eventually("another replica answers") {
                let answer = await answerOfServer(at: port)
                return answer == "hello" && !program.children.isEmpty && Set(program.children).isDisjoint(with: before)
            }
            if !isReplaced { try Data().write(to: name) }
        }
        try await program.killAll()
    }

    // MARK: The next start

    @Test(arguments: ["embedded", "separate"])
    func `another build serves what an earlier one deployed, and heals it`(_ controller: String) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try await deployWithBuild1(controller)
        let second = try Program(try build(2), [state, controller])
        let port = try #require(Int(try await second.line().dropFirst("port ".count)))
        try await eventually("the application answers") { await answerOfServer(at: port) == "hello" }
        let replica = try #require(keptProcesses(of: second).first)
        kill(replica, SIGKILL)
        try await eventually("another replica of the first build answers") {
            let others = keptProcesses(of: second)
            return await answerOfServer(at: port) == "hello" && !others.isEmpty && !others.contains(replica)
        }
        try await second.killAll()
    }

    @Test(arguments: ["embedded", "separate"])
    func `a deploy of another build that fails leaves the earlier build's application`(
        _ controller: String
    ) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try await deployWithBuild1(controller)
        let second = try Program(try build(2), [state, controller, "broken"])
        #expect(try await second.line() == "failed")
        let port = try #require(Int(try await second.line().dropFirst("port ".count)))
        try await eventually("the application answers") { await answerOfServer(at: port) == "hello" }
        #expect(!keptProcesses(of: second).isEmpty)
        try await second.killAll()
    }

    @Test(arguments: ["embedded", "separate"])
    func `the build before the present one stays for going back`(_ controller: String) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try await deployWithBuild1(controller)
        let first = kept
        let second = try Program(try build(2), [state, controller, "new"])
        #expect(try await second.line() == "deployed")
        let port = try #require(Int(try await second.line().dropFirst("port ".count)))
        #expect(await answerOfServer(at: port) == "new")
        #expect(kept.count == 2 && Set(kept).isSuperset(of: first))
        try await second.killAll()
    }

    @Test func `an application whose build is not kept fails and says why`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try await deployWithBuild1("embedded")
        for name in kept { try FileManager.default.removeItem(atPath: "\(state)/executables/\(name)") }
        let second = try Program(try build(2), [state, "embedded"])
        let port = try #require(Int(try await second.line().dropFirst("port ".count)))
        #expect(await answerOfServer(at: port) == nil)
        try await second.killAll()
    }

    @Test(arguments: ["embedded", "separate"])
    func `a working directory outlives its source, the instance and the build`(_ controller: String) async throws {
        defer { removeTree() }
        let source = folder.appending(path: "source")
        try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
        try Data("from the folder".utf8).write(to: source.appending(path: "text"))
        let first = try Program(try build(1), [state, controller, "@text", source.path()])
        #expect(try await first.line() == "deployed")
        let before = try #require(Int(try await first.line().dropFirst("port ".count)))
        #expect(await answerOfServer(at: before) == "from the folder")
        try await first.killAll()
        try FileManager.default.removeItem(at: source)
        // What a crash in the middle of another copy would leave.
        let draft = "\(state)/working-directories/draft-1"
        try FileManager.default.createDirectory(atPath: draft, withIntermediateDirectories: true)
        let second = try Program(try build(2), [state, controller])
        let port = try #require(Int(try await second.line().dropFirst("port ".count)))
        try await eventually("the application answers") { await answerOfServer(at: port) == "from the folder" }
        #expect(!FileManager.default.fileExists(atPath: draft))
        try await second.killAll()
    }

    // MARK: Helpers

    /// Copies of working directories are read-only.
    private func removeTree() {
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", "chmod -R u+w '\(folder.path())'; rm -rf '\(folder.path())'"]
        try? shell.run()
        shell.waitUntilExit()
    }

    private func deployWithBuild1(_ controller: String) async throws {
        let first = try Program(try build(1), [state, controller, "hello"])
        #expect(try await first.line() == "deployed")
        _ = try await first.line()
        try await first.killAll()
        try FileManager.default.removeItem(at: folder.appending(path: "program-1"))
    }

    private func build(_ number: UInt8) throws -> URL {
        let url = folder.appending(path: "program-\(number)")
        try Program.write("entry-durable", asBuild: number, to: url)
        return url
    }

    private var kept: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(state)/executables").sorted()) ?? []
        // The list of those that stay for going back.
        return names.filter { $0 != "spare" }
    }

    /// The replicas of a program that run a kept executable.
    private func keptProcesses(of program: Program) -> [Int32] {
        program.children.filter { process in
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
            return path?.hasPrefix(state) ?? false
        }
    }
}
