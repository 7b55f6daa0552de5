import Foundation
import Subprocess
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Programs with different kinds of entry points, each with a replica in a separate process.
@Suite(.timeLimit(.minutes(5))) struct EntryTests {
    /// The folder that contains this test bundle and the programs.
    private static let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    private func run(_ program: URL, _ arguments: String...) async throws -> String {
        let result = try await Subprocess.run(
            .path(FilePath(program.path())),
            arguments: Arguments(arguments),
            output: .string(limit: 4096),
            error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
        )
        #expect(result.terminationStatus == .exited(0))
        return result.standardOutput
    }

    // A worker that ran main would print a second line, or fail because the argument is missing.
    @Test(arguments: [["entry-top-level"], ["entry-attribute"], ["entry-arguments", "word"]])
    func `a replica starts without running main`(_ command: [String]) async throws {
        let program = Self.products.appending(path: command[0])
        let output = try await command.count > 1 ? run(program, command[1]) : run(program)
        #expect(output == "main runs\nin a process of its own\n")
    }

    @Test func `a replica runs the program that started it, even if another file has its name now`() async throws {
        // A link, not a copy: a copy could not be executed while a process that another test starts has it open for
        // writing.
        let name = Self.products.appending(path: "entry-\(UUID())")
        try FileManager.default.linkItem(at: Self.products.appending(path: "entry-top-level"), to: name)
        defer { try? FileManager.default.removeItem(at: name) }
        #expect(try await run(name, "replace") == "main runs\nin a process of its own\n")
        #expect(try Data(contentsOf: name).isEmpty)
    }
}
