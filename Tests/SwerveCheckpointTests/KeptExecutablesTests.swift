import Foundation
import SwerveCore
import Testing

@testable import SwerveCheckpoint

/// Copies of the program's builds.
@Suite struct KeptExecutablesTests {
    private let folder = TemporaryFolder()
    private var executables: KeptExecutables { KeptExecutables(in: "\(folder.path)/executables", version: 3) }

    @Test func `the program that runs is kept whole, once, and only its user may run it`() throws {
        try executables.keepThisProgram(as: "abc")
        let path = try #require(executables.path(of: "abc"))
        let program = URL(filePath: "/proc/self/exe")
        #expect(try Data(contentsOf: URL(filePath: path), options: .alwaysMapped) == Data(contentsOf: program))
        #expect(try attributes(path)[.posixPermissions] as? Int == 0o500)
        let first = try attributes(path)[.systemFileNumber] as? Int
        try executables.keepThisProgram(as: "abc")
        #expect(try attributes(path)[.systemFileNumber] as? Int == first)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/executables") == ["abc-3"])
    }

    @Test func `a build that speaks another version is as good as not kept`() throws {
        try put("abc-2")
        #expect(executables.path(of: "abc") == nil)
        executables.removeAll(except: ["abc"])
        #expect(names.isEmpty)
    }

    @Test func `what is needed is never removed to keep one more`() throws {
        let others = (0..<KeptExecutables.limit).map { "\($0)-3" }
        for name in others { try put(name) }
        let error = #expect(throws: ServeError.self) { try executables.keepThisProgram(as: "abc") }
        #expect(error?.message.contains("\(KeptExecutables.limit) executables are kept") == true)
        #expect(names == others.sorted())
    }

    @Test func `what is not needed is removed, interrupted copies included`() throws {
        for name in ["a-3", "b-3", "c-3.1f.tmp"] { try put(name) }
        executables.removeAll(except: ["b"])
        #expect(names == ["b-3"])
    }

    @Test func `builds for going back stay, the latest eight, until others take their place`() throws {
        let builds = (0..<10).map { "\($0)" }
        for build in builds { try put("\(build)-3") }
        try executables.spare(builds)
        // As another process sees it.
        KeptExecutables(in: "\(folder.path)/executables", version: 3).removeAll(except: [])
        #expect(names == builds.prefix(8).map { "\($0)-3" } + ["spare"])
        try executables.spare(["9"])
        executables.removeAll(except: ["1"])
        #expect(names == ["1-3", "spare"])
    }

    @Test func `another program's copy is kept under its build, and stays until a deploy can need it`() throws {
        let program = "\(folder.path)/other"
        try Data("other".utf8).write(to: URL(filePath: program))
        let draft = try executables.draft(of: program)
        try executables.keep(draft, as: "other")
        executables.removeAll(except: [])
        let path = try #require(executables.path(of: "other"))
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("other".utf8))
        #expect(names == ["program-other-3"])
    }

    @Test func `a copy that is discarded is gone, and so is one whose build is kept already`() throws {
        let program = "\(folder.path)/other"
        try Data("other".utf8).write(to: URL(filePath: program))
        executables.discard(try executables.draft(of: program))
        #expect(names.isEmpty)
        try executables.keep(try executables.draft(of: program), as: "other")
        try executables.keep(try executables.draft(of: program), as: "other")
        #expect(names == ["program-other-3"])
        #expect(throws: ServeError.self) { try executables.draft(of: "\(folder.path)/absent") }
    }

    private var names: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/executables").sorted()) ?? []
    }

    private func put(_ name: String) throws {
        let folder = "\(folder.path)/executables"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("program".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }

    private func attributes(_ path: String) throws -> [FileAttributeKey: Any] {
        try FileManager.default.attributesOfItem(atPath: path)
    }
}
