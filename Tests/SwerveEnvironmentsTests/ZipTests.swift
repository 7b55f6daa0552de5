import Foundation
import SwerveEnvironments
import Testing

/// ZIP files, as common tools write them and as nobody should.
@Suite struct ZipTests {
    private let folder = TemporaryFolder()

    private func zip(_ entries: ZipBuilder.Entry...) throws -> ZipFile {
        var builder = ZipBuilder()
        builder.entries = entries
        return try ZipFile(folder.write("a.zip", builder), FolderLimits())
    }

    private func problem(_ builder: ZipBuilder, _ limits: FolderLimits = FolderLimits()) throws -> String {
        let path = try folder.write("a.zip", builder)
        do {
            _ = try ZipFile(path, limits).contents(limits)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    private func problem(_ entries: ZipBuilder.Entry...) throws -> String {
        var builder = ZipBuilder()
        builder.entries = entries
        return try problem(builder)
    }

    private let long = Array(String(repeating: "all work and no play ", count: 50_000).utf8)

    @Test func `stored and compressed files, folders, links and modes are read`() throws {
        let zip = try zip(
            .init(name: "empty/", mode: 0o40755),
            .init(name: "a", content: Array("stored".utf8)),
            .init(name: "b/c", content: long, isDeflated: true, mode: 0o100755),
            .init(name: "b/d", isDeflated: true),
            .init(name: "l", content: Array("b/c".utf8), mode: 0o120777),
            .init(name: "größe", content: [65], mode: 0)
        )
        #expect(
            try zip.tree(FolderLimits()).entries == [
                FolderEntry("a", .file(size: 6, isExecutable: false)),
                FolderEntry("b", .folder),
                FolderEntry("b/c", .file(size: long.count, isExecutable: true)),
                FolderEntry("b/d", .file(size: 0, isExecutable: false)),
                FolderEntry("empty", .folder),
                FolderEntry("größe", .file(size: 1, isExecutable: false)),
                FolderEntry("l", .link(target: "b/c")),
            ]
        )
        let contents = try zip.contents()
        #expect(contents == ["a": "stored", "b/c": String(decoding: long, as: UTF8.self), "b/d": "", "größe": "A"])
    }

    @Test func `a file without entries, and one with a comment, are read`() throws {
        #expect(try problem(ZipBuilder()) == "none")
        var builder = ZipBuilder(.init(name: "a", content: [1]))
        builder.comment = Array("PK\u{5}\u{6} is how the end begins".utf8)
        #expect(try problem(builder) == "none")
    }

    @Test func `what Python writes is read`() throws {
        let path = "\(folder.path)/python.zip"
        let script = """
            import zipfile, sys
            with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
                z.writestr("a/b.txt", "hello " * 1000)
                z.writestr(zipfile.ZipInfo("c/"), "")
            """
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", script, path]
        try python.run()
        python.waitUntilExit()
        let contents = try ZipFile(path, FolderLimits()).contents()
        #expect(contents == ["a/b.txt": String(repeating: "hello ", count: 1000)])
    }

    @Test func `entries that leave the folder are refused by name`() throws {
        #expect(try problem(.init(name: "../evil")).hasPrefix("'../evil' has '..' in its path"))
        #expect(try problem(.init(name: "/etc/cron.d/evil")).hasPrefix("'/etc/cron.d/evil' is an absolute path"))
        #expect(
            try problem(.init(name: "l", content: Array("..".utf8), mode: 0o120777), .init(name: "l/evil"))
                .hasPrefix("'l/evil' lies in 'l', which is no folder")
        )
        #expect(
            try problem(.init(name: "l", content: Array("../..".utf8), mode: 0o120777))
                == "'l' is a link to '../..', which leads out of the working directory"
        )
    }

    @Test func `an entry twice is refused, because readers disagree about which one counts`() throws {
        #expect(try problem(.init(name: "a", content: [1]), .init(name: "a", content: [2])) == "'a' is there twice")
    }

    @Test func `a device is refused`() throws {
        #expect(try problem(.init(name: "null", mode: 0o020666)) == "'null' is a device, a socket or a pipe")
    }

    @Test func `a file that is not what its list says is refused by name`() throws {
        #expect(try problem(.init(name: "a", content: [1], checksum: 7)) == "'a' is damaged: its checksum is wrong")
        #expect(
            try problem(.init(name: "a", content: long, isDeflated: true, size: 1000))
                == "'a' is damaged: it has more than the 1000 bytes that the list of entries says"
        )
        #expect(
            try problem(.init(name: "a", content: [1, 2], isDeflated: true, size: 3))
                == "'a' is damaged: it has 2 bytes, and the list of entries says 3"
        )
        #expect(
            try problem(.init(name: "a", content: [1], localName: "b"))
                == "'a' is damaged: the list of entries says something else than its own header"
        )
    }

    @Test func `entries that share bytes are refused, so that a small file does not become a large one`() throws {
        let bomb = ZipBuilder.Entry(name: "b", content: long, isDeflated: true, offset: 0, localName: "b")
        #expect(
            try problem(.init(name: "a", content: long, isDeflated: true), bomb)
                == "'b' shares bytes with another entry"
        )
    }

    @Test func `more bytes than are allowed are refused before anything is unpacked`() throws {
        var limits = FolderLimits()
        limits.bytes = 100_000
        let builder = ZipBuilder(.init(name: "a", content: long, isDeflated: true))
        #expect(try problem(builder, limits).hasPrefix("'a' is the file with which all have more than 100000 bytes"))
        limits = FolderLimits()
        limits.archiveBytes = 100
        #expect(try problem(builder, limits) == "the ZIP file has more than 100 bytes")
    }

    @Test func `what is not read is named`() throws {
        #expect(try problem(.init(name: "a", flags: 1)) == "'a' is encrypted")
        #expect(try problem(.init(name: "a", method: 14)).hasPrefix("'a' is compressed with method 14"))
        #expect(try problem(.init(name: "a", size: 0xFFFF_FFFF)).contains("ZIP64"))
        var shifted = ZipBuilder(.init(name: "a"))
        shifted.prefix = Array("#!/bin/sh\n".utf8)
        #expect(try problem(shifted) == "none")
        try folder.write("a.txt", "no ZIP file")
        let problem = #expect(throws: FolderProblem.self) { try ZipFile("\(folder.path)/a.txt", FolderLimits()) }
        #expect(problem?.reason == "it is no ZIP file, or a damaged one: its list of entries is missing")
    }

    @Test func `every damaged byte is noticed or changes nothing, and never breaks the reader`() throws {
        let builder = ZipBuilder(
            .init(name: "a/b", content: Array("some text, some text".utf8), isDeflated: true, mode: 0o100755),
            .init(name: "c", content: Array("other".utf8))
        )
        let good = builder.bytes
        let path = "\(folder.path)/damaged.zip"
        func read(_ bytes: [UInt8]) throws -> [String: String]? {
            try Data(bytes).write(to: URL(filePath: path))
            return try? ZipFile(path, FolderLimits()).contents()
        }
        let expected = try #require(try read(good))
        for position in good.indices {
            var bytes = good
            for bit in [0x01, 0x10, 0x80] as [UInt8] {
                bytes[position] = good[position] ^ bit
                guard let found = try read(bytes) else { continue }
                // A name that was changed in both places at once cannot come from one byte.
                #expect(found == expected, "byte \(position)")
            }
        }
        for count in 0..<good.count { #expect(try read(Array(good[..<count])) == nil, "\(count) bytes") }
    }
}
