import SwerveSystem
import Testing

@Suite struct FileContentTests {
    @Test(arguments: [0, 1, 65_536, 200_000]) func `what is written is read`(_ count: Int) throws {
        try withFolder { folder in
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            for _ in 1...2 { try FileSystem.write(bytes, to: "\(folder)/file", mode: 0o600) }
            #expect(try FileSystem.read("\(folder)/file", limit: count) == bytes)
            #expect(FileSystem.names(in: folder) == ["file"], "nothing but the file is left")
        }
    }

    @Test func `a file that is too large or missing says so`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/file", "12345")
            let tooLarge = failure { _ = try FileSystem.read("\(folder)/file", limit: 4) }
            #expect(tooLarge?.code == .fileTooLarge)
            let failed = failure { _ = try FileSystem.read("\(folder)/none", limit: 4) }
            #expect(failed?.isMissing == true && failed?.isDiskFull == false)
            #expect(failed?.description == "cannot read \(folder)/none: No such file or directory")
            let missing = failure { _ = try FileSystem.read("\(folder)/file/below", limit: 4) }
            #expect(missing?.isMissing == true)
            let unreadable = failure { _ = try FileSystem.read(folder, limit: 4) }
            #expect(unreadable?.reason == "Is a directory")
        }
    }

    @Test func `a file that cannot take its place leaves nothing behind`() throws {
        try withFolder { folder in
            try FileSystem.makeFolders("\(folder)/taken/by")
            let failed = failure { try FileSystem.write([1], to: "\(folder)/taken", mode: 0o600) }
            #expect(failed?.attempt == "move a file to")
            #expect(FileSystem.names(in: folder) == ["taken"])
            let unwritten = failure { try FileSystem.write([1], to: "\(folder)/none/file", mode: 0o600) }
            #expect(unwritten?.attempt == "write")
        }
    }

    @Test func `a full disk is told`() {
        let failed = failure {
            let file = try OpenFile("/dev/full", mode: 0o600)
            try [1, 2].withUnsafeBytes { try file.writeAll($0) }
        }
        #expect(failed?.isDiskFull == true)
        #expect(failed?.description == "cannot write /dev/full: No space left on device")
    }

    @Test func `an open file is read, added to and emptied`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/file", "abc")
            let file = try OpenFile("\(folder)/file", mode: 0o600)
            var chunk = [UInt8](repeating: 0, count: 2)
            #expect(try file.read(into: &chunk) == 2 && chunk == Array("ab".utf8))
            #expect(try file.read(into: &chunk) == 1)
            #expect(try file.read(into: &chunk) == 0)
            try Array("def".utf8).withUnsafeBytes { try file.writeAll($0) }
            try file.sync()
            #expect(try FileSystem.read("\(folder)/file", limit: 10) == Array("abcdef".utf8))
            try file.empty()
            try Array("g".utf8).withUnsafeBytes { try file.writeAll($0) }
            #expect(try FileSystem.read("\(folder)/file", limit: 10) == Array("g".utf8))
        }
    }

    @Test func `an open file is made, but not through a link`() throws {
        try withFolder { folder in
            _ = try OpenFile("\(folder)/file", mode: 0o600)
            #expect(FileSystem.size("\(folder)/file") == 0)
            try FileSystem.link("\(folder)/link", to: "file")
            let unwritten = failure { _ = try OpenFile("\(folder)/link", mode: 0o600) }
            #expect(unwritten?.attempt == "write")
        }
    }

    /// Whether the lock can be taken; it is given back at once.
    private func isFree(_ path: String) throws -> Bool { try LockedFile(path) != nil }

    @Test func `a lock excludes others until it is released, and its file stays`() throws {
        try withFolder { folder in
            let path = "\(folder)/lock"
            var lock = try LockedFile(path, makingWith: 0o600)
            let isFreeMeanwhile = try isFree(path)
            #expect(lock != nil && !isFreeMeanwhile)
            lock = nil
            let isFreeLater = try isFree(path)
            #expect(isFreeLater)
        }
    }

    @Test func `a lock that is made is new, and one that is missing is told`() throws {
        try withFolder { folder in
            let path = "\(folder)/lock"
            let missing = failure { _ = try isFree(path) }
            #expect(missing?.code == .noSuchFile)
            let lock = try LockedFile(making: path)
            let isFreeMeanwhile = try isFree(path)
            #expect(!isFreeMeanwhile)
            let taken = failure { _ = try LockedFile(making: path) }
            #expect(taken?.code == .exists)
            withExtendedLifetime(lock) {}
        }
    }
}
