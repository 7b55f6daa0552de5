import Foundation
import Testing

/// The rules of the source tree that a text search can check.
@Suite struct TidyTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct Source {
        let path: String
        let lines: [Substring]
    }

    private static func sources(_ folders: String...) throws -> [Source] {
        var found: [Source] = []
        for folder in folders {
            let base = root.appending(path: folder)
            let files = try #require(FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil))
            for case let file as URL in files where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                found.append(
                    Source(
                        path: String(file.path.dropFirst(root.path.count + 1)),
                        lines: text.split(separator: "\n", omittingEmptySubsequences: false)
                    )
                )
            }
        }
        return found
    }

    private static func places(_ sources: [Source], _ isWrong: (Substring) -> Bool) -> [String] {
        sources.flatMap { source in
            source.lines.enumerated().filter { isWrong($0.element) }.map {
                "\(source.path):\($0.offset + 1): \($0.element)"
            }
        }
    }

    @Test(arguments: ["SwerveCore", "SwerveConfig", "SwerveControl", "SwerveRouting"])
    func `pure targets do no I/O, read no clock, log nothing and start nothing`(_ target: String) throws {
        let forbidden = [
            "import Foundation", "import NIO", "import Logging", "import Dispatch", "import Glibc",
            "import Synchronization",
            " async ", "await ", "Task {", "Task(", ".now", "SystemRandomNumberGenerator", ".random(", ".shuffled()",
            "print(",
        ]
        let sources = try Self.sources("Sources/\(target)")
        #expect(!sources.isEmpty)
        let wrong = Self.places(sources) { line in
            !line.drop { $0 == " " }.hasPrefix("//") && forbidden.contains { line.contains($0) }
        }
        #expect(wrong.isEmpty, "time, randomness and effects come into pure targets as data: \(wrong)")
    }

    @Test(arguments: ["SwerveCore", "SwerveControl", "SwerveRouting"])
    func `pure targets import only pure ones`(_ target: String) throws {
        let pure = ["SwerveCore", "DequeModule", "HeapModule"]
        let wrong = Self.places(try Self.sources("Sources/\(target)")) { line in
            line.contains(" import ") && !pure.contains { line.hasSuffix(" import \($0)") }
        }
        #expect(wrong.isEmpty)
    }

    @Test func `only SwerveSystem calls the operating system`() throws {
        let forbidden = [
            "import Glibc", "import Darwin", "import Musl", "import CSwerveSystem", "canImport(Glibc)",
            "canImport(Darwin)", "canImport(Musl)",
        ]
        let others = try Self.sources("Sources").filter { !$0.path.hasPrefix("Sources/SwerveSystem/") }
        let wrong = Self.places(others) { line in forbidden.contains { line.contains($0) } }
        #expect(wrong.isEmpty, "call the system through SwerveSystem, and add there what it lacks: \(wrong)")
    }

    @Test func `every import in Sources says how far it reaches`() throws {
        // The texts of other packages are not of this one.
        let sources = try Self.sources("Sources").filter { !$0.path.hasSuffix("/PackageTemplate.swift") }
        let wrong = Self.places(sources) { $0.drop { $0 == " " }.hasPrefix("import ") }
        #expect(wrong.isEmpty, "write 'internal import', 'package import' or 'public import': \(wrong)")
    }

    @Test func `every target has its tests`() throws {
        let targets = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "Sources").path)
        // C, a module that only re-exports, and the macros' plugin, whose tests are those of the macros.
        let without = [
            "CSwerveDashboard", "CSwerveSystem", "CImageCodecs", "CONNXRuntime", "COpenVINO", "CZlib", "Swerve",
            "SwerveMacrosPlugin",
        ]
        let missing = targets.filter { target in
            let tests = Self.root.appending(path: "Tests/\(target)Tests").path
            return !target.hasPrefix(".") && !without.contains(target) && !FileManager.default.fileExists(atPath: tests)
        }
        #expect(missing == [])
    }

    @Test func `files stay short`() throws {
        // A self-contained state machine may be longer; everything else is split.
        let allowed = 420
        let wrong = try Self.sources("Sources").filter { $0.lines.count > allowed }.map {
            "\($0.path): \($0.lines.count)"
        }
        #expect(wrong.isEmpty, "split files of more than \(allowed) lines: \(wrong)")
    }

    @Test func `no unfinished work is marked`() throws {
        let marks = ["TO" + "DO:", "FIX" + "ME", "not implemented yet"]
        let wrong = Self.places(try Self.sources("Sources", "Examples")) { line in marks.contains { line.contains($0) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func `a comment says why each unsafe escape is safe`() throws {
        let escapes = ["@unchecked Sendable", "nonisolated(unsafe)", "try!", "as!"]
        var wrong: [String] = []
        for source in try Self.sources("Sources") {
            for (index, line) in source.lines.enumerated() where escapes.contains(where: { line.contains($0) }) {
                let trimmed = line.drop { $0 == " " }
                if trimmed.hasPrefix("//") { continue }
                let near = source.lines[max(0, index - 6)...min(source.lines.count - 1, index + 3)]
                if !near.contains(where: { $0.contains("//") }) { wrong.append("\(source.path):\(index + 1)") }
            }
        }
        #expect(wrong.isEmpty, "a comment within a few lines must say why it is safe: \(wrong)")
    }

    @Test func `tests do not wait in a busy loop, which takes the time of those that they wait for`() throws {
        let wrong = Self.places(try Self.sources("Tests")) { line in
            line.contains("while ") && line.contains("await Task.yield() }") && !line.contains("line.contains")
        }
        #expect(wrong == [], "use eventually from TestSupport")
    }

    @Test func `tests do not sleep`() throws {
        let sleeps = ["Task.sleep(", "Thread.sleep(", "usleep("].map { "\($0)" }
        let wrong = Self.places(try Self.sources("Tests")) { line in
            sleeps.contains { line.contains($0) } && !line.contains("sleeps =")
        }
        #expect(wrong.filter { !$0.contains("TestSupport/Eventually.swift") } == [], "only Eventually.swift may sleep")
    }

    @Test func `time comes from a clock that is given`() throws {
        let clocks = [
            "NIODeadline.now()", "ContinuousClock", "SuspendingClock", "DispatchTime", "asyncAfter", "time(nil)",
            "WallClock", "Date()",
        ]
        // Where time enters, where a thread's use of the processor is measured, and where files and sockets set the pace.
        let allowed = [
            "HTTPServer.swift", "ServeContext.swift", "HostedReplica.swift", "HostedActor.swift", "BurstRun.swift",
            "SwerveTool/Start.swift", "SwerveTool/OwnLog.swift", "SwerveTool/Convergence.swift",
            "SwerveTool/Changes.swift",
            "SwerveTool/Run/Watch.swift", "KeptExecutables.swift", "KeptFolders.swift", "SocketAcceptor.swift",
            "AdminTime+System.swift", "LogStore+Instance.swift", "InstanceDirectory.swift", "SnapshotLoad.swift",
            "WallClock.swift", "ReplicaHealth.swift", "InstanceMetrics.swift", "ProcessTracing.swift",
        ]
        let wrong = Self.places(try Self.sources("Sources")) { line in
            !line.drop { $0 == " " }.hasPrefix("//") && clocks.contains { line.contains($0) }
        }
        #expect(wrong.filter { place in !allowed.contains { place.contains("/\($0)") } } == [])
    }

    /// README.md and the documents in docs.
    private static func documents() throws -> [URL] {
        let docs = root.appending(path: "docs")
        let files = try #require(FileManager.default.enumerator(at: docs, includingPropertiesForKeys: nil))
        var found = [root.appending(path: "README.md")]
        for case let file as URL in files where file.pathExtension == "md" { found.append(file) }
        return found
    }

    /// Where the links in a text lead, without what follows a `#`. Addresses of the web are left out.
    private static func linkTargets(in text: String) -> [String] {
        let targets = text.components(separatedBy: "](").dropFirst().map { rest in
            String(rest.prefix { $0 != ")" && $0 != "#" && $0 != " " })
        }
        return targets.filter { !$0.isEmpty && !$0.contains("://") }
    }

    /// The paths from the root of the package that a text has in backticks.
    private static func quotedPaths(in text: String) -> [String] {
        let folders = ["Sources/", "Tests/", "dev/", "docs/", "Benchmarks/", "Examples/"]
        var found: [String] = []
        for (index, part) in text.components(separatedBy: "`").enumerated() {
            // Every other part is in backticks.
            if index % 2 == 1, folders.contains(where: { part.hasPrefix($0) }) { found.append(part) }
        }
        return found
    }

    @Test func `every file that the documents name exists`() throws {
        var missing: [String] = []
        for document in try Self.documents() {
            let text = try String(contentsOf: document, encoding: .utf8)
            let folder = document.deletingLastPathComponent().path
            var named = Self.linkTargets(in: text).map { "\(folder)/\($0)" }
            if document.lastPathComponent == "CONTRIBUTING.md" {
                named += Self.quotedPaths(in: text).map { "\(Self.root.path)/\($0)" }
            }
            for path in named where !FileManager.default.fileExists(atPath: path) {
                missing.append("\(document.lastPathComponent): \(path)")
            }
        }
        #expect(missing == [])
    }

    @Test(arguments: [("draw-targets.py", "graph-targets"), ("make-options.py", "options")])
    func `generated files are up to date`(script: String, target: String) throws {
        let check = Process()
        check.executableURL = URL(filePath: "/usr/bin/env")
        check.arguments = ["python3", Self.root.appending(path: "dev/\(script)").path, "--check"]
        try check.run()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0, "run 'make \(target)'")
    }
}
