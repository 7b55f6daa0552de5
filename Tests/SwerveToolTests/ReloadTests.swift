import Foundation
import Testing

@testable import SwerveTool

@Suite struct ReloadTests {
    @Test(arguments: [
        ("/a/b/.build/debug/x", "/a/b", "debug"), ("/a/.build/release/x", "/a", "release"),
        ("/a/.build/x86_64-unknown-linux-gnu/debug/x", "/a", "debug"),
        ("/a/.build/c/.build/debug/x", "/a/.build/c", "debug"),
    ])
    func `a program that was built by the package manager tells its package`(
        _ path: String,
        _ package: String,
        _ configuration: String
    ) throws {
        let product = try #require(PackageProduct(executable: path))
        #expect(product.package == package && product.name == "x" && product.configuration == configuration)
    }

    @Test(arguments: ["/a/bin/x", "/.build/x", "/a/.build/other/x", "/a/.build/b/c/debug/x", ""])
    func `another program does not`(_ path: String) {
        #expect(PackageProduct(executable: path) == nil)
    }

    @Test func `changes are the files that are new, gone or different`() {
        let stamp = FileSnapshot.Stamp(size: 1, seconds: 1, nanoseconds: 1, inode: 1)
        var other = stamp
        other.nanoseconds = 2
        let old = FileSnapshot(stamps: ["same": stamp, "gone": stamp, "different": stamp])
        let new = FileSnapshot(stamps: ["same": stamp, "different": other, "new": stamp])
        #expect(new.changes(since: old) == ["different", "gone", "new"])
        #expect(new.changes(since: new) == [])
    }

    @Test func `what a build makes is no change, and a source is`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "reload-\(UUID().uuidString)").path()
        let files = FileManager.default
        defer { try? files.removeItem(atPath: folder) }
        for name in ["Sources/x", ".build/debug"] {
            try files.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        func write(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        }
        try write("Package.swift", "p")
        try write("Sources/x/main.swift", "a")
        let first = try FileSnapshot(package: folder)
        try write(".build/debug/x", "program")
        try write("Package.resolved", "{}")
        #expect(try FileSnapshot(package: folder) == first)
        try write("Sources/x/main.swift", "bb")
        #expect(try FileSnapshot(package: folder).changes(since: first) == ["\(folder)/Sources/x/main.swift"])
    }
}
