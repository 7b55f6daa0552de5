import Foundation
import Testing

/// The programs in `Rejected`, and the location of the modules that they import.
private enum Rejected {
    static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    static let root = tests.deletingLastPathComponent().deletingLastPathComponent()
    static let folder = tests.appending(path: "Rejected")

    static let snippets: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
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
}

/// Compiles wrong programs with the real compiler and checks its messages; `dev/check-diagnostics.sh` does the work.
@Suite(
    .enabled(if: Rejected.buildDirectory != nil, "no folder above the test executable has the built modules"),
    .serialized
)
struct CompilerMessageTests {
    @Test func thereAreSnippets() {
        #expect(Rejected.snippets.count >= 20)
    }

    @Test(arguments: Rejected.snippets)
    func theCompilerExplains(snippet: String) throws {
        let process = Process()
        // A file: reading from a pipe is interrupted by signals of other tests' children.
        let place = FileManager.default.temporaryDirectory.appending(path: "swerve-\(UUID())")
        _ = FileManager.default.createFile(atPath: place.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: place) }
        let output = try FileHandle(forWritingTo: place)
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "bash", Rejected.root.appending(path: "dev/check-diagnostics.sh").path,
            try #require(Rejected.buildDirectory).path, Rejected.folder.appending(path: snippet).path,
        ]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOf: place, encoding: .utf8)
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
