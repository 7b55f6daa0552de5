import Foundation
import Subprocess
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Programs whose entries are of different kinds, each with a replica in a process of its own.
@Suite(.timeLimit(.minutes(5))) struct EntryTests {
    /// Where this test bundle and the programs are built.
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

    // A worker that ran main would print its line, or fail for want of the argument.
    @Test(arguments: [["entry-top-level"], ["entry-attribute"], ["entry-arguments", "word"]])
    func `a replica starts without running main`(_ command: [String]) async throws {
        let program = Self.products.appending(path: command[0])
        let output = try await command.count > 1 ? run(program, command[1]) : run(program)
        #expect(output == "main runs\nin a process of its own\n")
    }

    @Test func `a replica runs the program that started it, whatever has its name now`() async throws {
        // Not a copy: a file that is being written when another test starts a process cannot be executed for a moment.
        let name = Self.products.appending(path: "entry-\(UUID())")
        try FileManager.default.linkItem(at: Self.products.appending(path: "entry-top-level"), to: name)
        defer { try? FileManager.default.removeItem(at: name) }
        #expect(try await run(name, "replace") == "main runs\nin a process of its own\n")
        #expect(try Data(contentsOf: name).isEmpty)
    }
}
