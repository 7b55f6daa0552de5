import Foundation
import SwerveCore
import Testing

@testable import SwerveEnvironments

/// Files that are left out of a working directory.
@Suite struct ExcludeTests {
    private let folder = TemporaryFolder()
    private var source: String { "\(folder.path)/source" }
    private var folders: KeptFolders { KeptFolders(in: "\(folder.path)/state/kept") }

    init() throws {
        for name in ["a.txt", "bin/run", "data/large.bin", "data/deep/x", "logs/1.log", "logs/keep.txt"] {
            try folder.write("source/\(name)", name)
        }
        try FileManager.default.createDirectory(atPath: "\(folder.path)/state", withIntermediateDirectories: true)
    }

    private func contents(_ excludes: String..., limits: FolderLimits = FolderLimits()) throws -> [String] {
        let disk = DiskFolder(source, excludes: try ExcludePatterns(excludes))
        return try disk.tree(limits).entries.map(\.path)
    }

    @Test func `what is left out is not in the copy, and not in its digest`() throws {
        let digest = try folders.keep(source, excludes: ["/data/", "*.log"])
        let copy = try #require(folders.path(of: digest))
        let left = try FileManager.default.subpathsOfDirectory(atPath: copy).sorted()
        #expect(left == ["a.txt", "bin", "bin/run", "logs", "logs/keep.txt"])
        #expect(try KeptFolders.digest(of: source, excludes: ["*.log", "data"]) == digest)
        try folder.write("source/data/more", "more")
        #expect(try folders.keep(source, excludes: ["/data/", "*.log"]) == digest)
        try FileManager.default.removeItem(atPath: "\(source)/data")
        try FileManager.default.removeItem(atPath: "\(source)/logs/1.log")
        #expect(try folders.keep(source) == digest)
        #expect(try folders.keep(source, excludes: ["logs"]) != digest)
    }

    @Test func `what is left out does not count, and may be what no working directory may have`() throws {
        var limits = FolderLimits()
        (limits.entries, limits.bytes, limits.depth) = (2, 10, 1)
        mkfifo("\(source)/data/pipe", 0o600)
        try FileManager.default.createSymbolicLink(atPath: "\(source)/out", withDestinationPath: "/etc")
        try FileManager.default.createSymbolicLink(atPath: "\(source)/link", withDestinationPath: "data/large.bin")
        #expect(try contents("data", "bin/", "/logs", "out", limits: limits) == ["a.txt", "link"])
        #expect(throws: FolderProblem.self) { try contents("data", "bin/", "/logs", limits: limits) }
        #expect(throws: FolderProblem.self) { try contents("/logs", "out") }
    }

    /// A name that is not UTF-8 ends the reading of the folder that it is in.
    @Test func `a folder that is left out is not read`() throws {
        var path = Array("\(source)/data/deep/x".utf8CString)
        path[path.count - 2] = CChar(bitPattern: 0xFF)
        #expect(mkdir(path, 0o700) == 0)
        #expect(throws: FolderProblem.self) { try contents() }
        #expect(try contents("deep", "logs", "bin") == ["a.txt", "data", "data/large.bin"])
    }

    @Test func `a link to a folder is no folder`() throws {
        try FileManager.default.createSymbolicLink(atPath: "\(source)/l", withDestinationPath: "logs")
        #expect(try contents("l/", "data", "bin", "logs") == ["a.txt", "l"])
        #expect(try contents("l", "data", "bin", "logs") == ["a.txt"])
    }

    @Test func `the same is left out of a ZIP file, whether or not it lists its folders`() throws {
        let names = ["a.txt", "bin/run", "data/large.bin", "data/deep/x", "logs/1.log", "logs/keep.txt"]
        let files = names.map { ZipBuilder.Entry(name: $0, content: Array($0.utf8)) }
        let listed = ["bin/", "data/", "data/deep/", "logs/"].map { ZipBuilder.Entry(name: $0, mode: 0o040755) }
        let bare = try folder.write("bare.zip", ZipBuilder(files))
        let full = try folder.write("full.zip", ZipBuilder(listed + files))
        let choices = [
            ["/data/", "*.log"], ["data/**"], ["logs/*", "!keep.txt"], ["/logs/*"], ["*", "!a.txt"], ["deep/"], [],
        ]
        for excludes in choices {
            let digest = try folders.keep(source, excludes: excludes)
            #expect(try folders.keep(bare, excludes: excludes) == digest, "\(excludes)")
            #expect(try folders.keep(full, excludes: excludes) == digest, "\(excludes)")
        }
    }

    @Test func `what is left out of a ZIP file does not count, and its links lead nowhere`() throws {
        let entries: [ZipBuilder.Entry] = [
            .init(name: "a", content: [1]), .init(name: "data/b", content: [1, 2]), .init(name: "data/c", content: [3]),
            .init(name: "data/out", content: Array("/etc".utf8), mode: 0o120777),
        ]
        let zip = try folder.write("small.zip", ZipBuilder(entries))
        var limits = FolderLimits()
        (limits.entries, limits.bytes, limits.depth) = (1, 1, 1)
        let excludes = try ExcludePatterns(["data"])
        #expect(try ZipFile(zip, excludes: excludes, limits).contents(limits) == ["a": "\u{1}"])
        let problem = #expect(throws: FolderProblem.self) { try ZipFile(zip, limits).contents(limits) }
        #expect(problem?.description == "it has more than 1 files, folders and links")
        // What is no path below the folder is refused, and not left out.
        let evil = try folder.write("evil.zip", ZipBuilder(.init(name: "../data"), .init(name: "a")))
        #expect(throws: FolderProblem.self) { try ZipFile(evil, excludes: excludes, limits).contents() }
    }

    @Test func `a folder that has the copies in it is taken if they are left out`() throws {
        let outer = folder.path
        #expect(throws: ServeError.self) { try folders.keep(outer) }
        #expect(throws: ServeError.self) { try folders.keep(outer, excludes: ["kept"]) }
        let digest = try folders.keep(outer, excludes: ["/state/"])
        #expect(try folders.keep(outer, excludes: ["/state/"]) == digest)
    }
}
