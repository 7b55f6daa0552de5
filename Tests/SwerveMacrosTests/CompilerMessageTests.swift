import Foundation
import Testing

/// Compiles wrong programs with the real compiler and checks what it says; `dev/check-diagnostics.sh` does the work.
@Suite(.enabled(if: CompilerMessageTests.buildDirectory != nil, "the build directory is not beside the test executable"))
struct CompilerMessageTests {
    private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    static let snippets: [String] = {
        let folder = tests.appending(path: "Rejected").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".swift.txt") }.sorted()
    }()

    /// The nearest folder above the test executable that holds the built modules.
    static let buildDirectory: URL? = {
        let starts = CommandLine.arguments.filter { $0.contains("/") } + Bundle.allBundles.map(\.bundlePath)
        for start in starts {
            var folder = URL(filePath: start).resolvingSymlinksInPath()
            while folder.path != "/" {
                folder.deleteLastPathComponent()
                let module = folder.appending(path: "Modules/SwerveMacros.swiftmodule").path
                if FileManager.default.fileExists(atPath: module) { return folder }
            }
        }
        return nil
    }()

    @Test func thereAreSnippets() {
        #expect(Self.snippets.count >= 20)
    }

    @Test(arguments: snippets)
    func theCompilerExplains(snippet: String) async throws {
        let root = Self.tests.deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "bash", root.appending(path: "dev/check-diagnostics.sh").path, try #require(Self.buildDirectory).path,
            Self.tests.appending(path: "Rejected").appending(path: snippet).path,
        ]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
