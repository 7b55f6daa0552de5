import Foundation
import SwerveCore
import Testing

@testable import SwerveEnvironments

/// Copies of working directories.
@Suite struct KeptFoldersTests {
    private let folder = TemporaryFolder()
    private var source: String { "\(folder.path)/source" }
    private var place: String { "\(folder.path)/state/kept" }
    private var folders: KeptFolders { KeptFolders(in: place) }

    init() throws {
        try folder.write("source/a.txt", "hello")
        try folder.write("source/bin/run", "#!/bin/sh", mode: 0o755)
        try FileManager.default.createSymbolicLink(atPath: "\(source)/link", withDestinationPath: "bin/run")
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/state",
            withIntermediateDirectories: true
        )
    }

    private var names: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: place).sorted()) ?? []
    }

    private func refusal(_ path: String? = nil, _ folders: KeptFolders? = nil) -> ServeError? {
        #expect(throws: ServeError.self) { try (folders ?? self.folders).keep(path ?? source) }
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func `a folder is copied whole, and nobody may write to the copy`() throws {
        let path = try #require(folders.path(of: try folders.keep(source)))
        #expect(try String(contentsOfFile: "\(path)/a.txt", encoding: .utf8) == "hello")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/link") == "bin/run")
        #expect(try mode("\(path)/a.txt") == 0o444)
        #expect(try mode("\(path)/bin/run") == 0o555)
        #expect(try mode("\(path)/bin") == 0o555)
        #expect(try mode(path) == 0o555)
    }

    @Test func `the same content shares a copy, whatever its name, its times and its form`() throws {
        let digest = try folders.keep(source)
        try FileManager.default.copyItem(atPath: source, toPath: "\(folder.path)/other")
        try folder.write("other/a.txt", "hello", mode: 0o600)
        #expect(try folders.keep("\(folder.path)/other") == digest)
        #expect(try folders.keep("file://\(folder.path)/other") == digest)
        let zip = ZipBuilder(
            .init(name: "link", content: Array("bin/run".utf8), mode: 0o120777),
            .init(name: "bin/run", content: Array("#!/bin/sh".utf8), isDeflated: true, mode: 0o100755),
            .init(name: "a.txt", content: Array("hello".utf8))
        )
        #expect(try folders.keep(folder.write("source.zip", zip)) == digest)
        #expect(try KeptFolders.digest(of: source) == digest)
        #expect(names == [digest])
    }

    @Test(arguments: [
        "echo other > a.txt", "chmod 755 a.txt", "mv a.txt b.txt", "rm a.txt", "mkdir c", "ln -sf a.txt link",
        "printf 'hell' > a.txt; printf 'o' > b",
    ])
    func `every difference in names, modes, links or bytes is another content`(change: String) throws {
        let before = try folders.keep(source)
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", "cd '\(source)' && \(change)"]
        try shell.run()
        shell.waitUntilExit()
        #expect(try folders.keep(source) != before)
        #expect(folders.path(of: before) != nil)
    }

    @Test func `what cannot be copied is refused by name, and leaves nothing behind`() throws {
        try FileManager.default.createSymbolicLink(atPath: "\(source)/out", withDestinationPath: "/etc/passwd")
        let out = refusal()
        #expect(out?.code == .invalidOptions)
        #expect(out?.message.contains("'out' is a link to '/etc/passwd', which is an absolute path") == true)
        try FileManager.default.removeItem(atPath: "\(source)/out")
        mkfifo("\(source)/pipe", 0o600)
        #expect(refusal()?.message.contains("'pipe' is a device, a socket or a pipe") == true)
        #expect(names == [])
        #expect(refusal("\(folder.path)/absent")?.code == .notFound)
        #expect(refusal("https://example.com/a.zip")?.message.contains("nothing is fetched") == true)
        #expect(refusal("/dev/null")?.message.contains("it is neither a folder nor a file") == true)
    }

    @Test func `a folder with more bytes than are allowed is refused before it is copied`() throws {
        var limits = FolderLimits()
        limits.bytes = 10
        let error = refusal(nil, KeptFolders(in: place, limits: limits))
        #expect(error?.message.contains("'bin/run' is the file with which all have more than 10 bytes") == true)
        #expect(names == [])
    }

    @Test func `a folder that has the copies in it is refused`() {
        #expect(refusal(folder.path)?.message.contains("the instance keeps its own files in it") == true)
    }

    @Test func `a file that changes while it is read is noticed`() throws {
        let disk = DiskFolder(source)
        let tree = try disk.tree(FolderLimits())
        let entry = try #require(tree.entries.first { $0.path == "a.txt" })
        for content in ["hello!", "hell"] {
            try folder.write("source/a.txt", content)
            let problem = #expect(throws: FolderProblem.self) { try disk.read(entry) { _ in } }
            #expect(problem?.description == "'a.txt' changed while it was read")
        }
        try FileManager.default.removeItem(atPath: "\(source)/a.txt")
        try FileManager.default.createSymbolicLink(atPath: "\(source)/a.txt", withDestinationPath: "/etc/passwd")
        #expect(throws: FolderProblem.self) { try disk.read(entry) { _ in } }
    }

    @Test func `the first difference between two readings is named`() throws {
        let before = try DiskFolder(source).manifest(FolderLimits())
        #expect(try DiskFolder(source).manifest(FolderLimits()).difference(from: before) == nil)
        try folder.write("source/bin/more", "")
        #expect(try DiskFolder(source).manifest(FolderLimits()).difference(from: before) == "bin/more")
        try folder.write("source/a.txt", "jello")
        #expect(try DiskFolder(source).manifest(FolderLimits()).difference(from: before) == "a.txt")
    }

    @Test func `a copy that was interrupted is never taken for whole, and goes at the next start`() throws {
        let digest = try folders.keep(source)
        try FileManager.default.createDirectory(atPath: "\(place)/draft-1", withIntermediateDirectories: true)
        #expect(folders.path(of: "draft-1") == nil)
        folders.removeAll(except: [digest])
        #expect(names == [digest, "draft-1"].sorted())
        folders.removeAll(except: [digest], isStart: true)
        #expect(names == [digest])
    }

    @Test func `what is not needed is removed beyond a few, the oldest first`() throws {
        var digests: [String] = []
        for number in 0..<(KeptFolders.spare + 3) {
            try folder.write("source/a.txt", "\(number)")
            let digest = try folders.keep(source)
            digests.append(digest)
            let date = Date(timeIntervalSince1970: 1_000_000 + Double(number))
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: "\(place)/\(digest)")
        }
        folders.removeAll(except: [digests[0]])
        #expect(names == ([digests[0]] + digests[3...]).sorted())
    }

    @Test func `a copy that was just made stays until a deploy can need it`() throws {
        for number in 0..<(KeptFolders.spare + 3) {
            try folder.write("source/a.txt", "\(number)")
            _ = try folders.keep(source)
        }
        folders.removeAll(except: [])
        #expect(names.count == KeptFolders.spare + 3)
    }

    @Test func `one more than the limit is refused`() throws {
        for number in 0..<KeptFolders.limit {
            let name = String(repeating: "0", count: 62) + (number < 16 ? "0" : "") + String(number, radix: 16)
            try FileManager.default.createDirectory(atPath: "\(place)/\(name)", withIntermediateDirectories: true)
        }
        #expect(refusal()?.message.contains("\(KeptFolders.limit) working directories are kept") == true)
    }
}
