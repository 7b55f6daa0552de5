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
        #expect(error?.message.contains("the executables of 16 builds are kept") == true)
        #expect(names == others.sorted())
    }

    @Test func `what is not needed is removed, interrupted copies included`() throws {
        for name in ["a-3", "b-3", "c-3.1f.tmp"] { try put(name) }
        executables.removeAll(except: ["b"])
        #expect(names == ["b-3"])
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
