import Dispatch
import SwerveSystem
import Synchronization
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

    @Test func `shared locks admit each other and exclude an exclusive one`() throws {
        try withFolder { folder in
            let path = "\(folder)/lock"
            var locks = try (0..<2).map { _ in try LockedFile(waitingFor: path, isShared: true, makingWith: 0o600) }
            for _ in 0..<2 {
                let isFreeMeanwhile = try isFree(path)
                #expect(!isFreeMeanwhile)
                locks.removeLast()
            }
            let isFreeLater = try isFree(path)
            #expect(isFreeLater)
            let unmade = failure {
                _ = try LockedFile(waitingFor: "\(folder)/none/lock", isShared: true, makingWith: 0o600)
            }
            #expect(unmade?.attempt == "open the lock")
        }
    }

    @Test func `a lock whose file is removed by its holder is taken on a new file`() throws {
        try withFolder { folder in
            let path = "\(folder)/lock"
            var held: LockedFile? = try LockedFile(waitingFor: path, isShared: false, makingWith: 0o600)
            let taken = Mutex<LockedFile?>(nil)
            let isDone = DispatchSemaphore(value: 0)
            try SystemThread.start {
                let lock = try? LockedFile(waitingFor: path, isShared: false, makingWith: 0o600)
                taken.withLock { $0 = lock }
                isDone.signal()
            }
            try FileSystem.remove(path)
            withExtendedLifetime(held) {}
            held = nil
            isDone.wait()
            #expect(taken.withLock { $0 != nil })
            let isFreeMeanwhile = try isFree(path)
            #expect(!isFreeMeanwhile)
        }
    }

    @Test func `a file is read at any place, and synced`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/file", "abcdef")
            let file = try ReadOnlyFile("\(folder)/file")
            var bytes = [UInt8](repeating: 0, count: 4)
            let count = try bytes.withUnsafeMutableBytes { try file.read(at: 4, into: $0) }
            #expect(count == 2 && bytes == Array("ef\0\0".utf8))
            let end = try bytes.withUnsafeMutableBytes { try file.read(at: 6, into: $0) }
            #expect(end == 0)
            try FileSystem.sync("\(folder)/file")
            try FileSystem.sync(folder)
            #expect(failure { try FileSystem.sync("\(folder)/none") }?.code == .noSuchFile)
            #expect(failure { _ = try ReadOnlyFile("\(folder)/none") }?.code == .noSuchFile)
        }
    }

    @Test func `a Git LFS pointer is told from other files`() throws {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"
        #expect(GitLFSPointer.isPointer(pointer.utf8))
        #expect(!GitLFSPointer.isPointer(pointer.utf8.dropFirst()))
        #expect(!GitLFSPointer.isPointer([UInt8](pointer.utf8) + [UInt8](repeating: 0, count: 1024)))
        try withFolder { folder in
            try makeFile("\(folder)/pointer", pointer)
            try makeFile("\(folder)/file", "version")
            #expect(GitLFSPointer.isPointer(at: "\(folder)/pointer"))
            for name in ["file", "none", "."] { #expect(!GitLFSPointer.isPointer(at: "\(folder)/\(name)")) }
        }
    }
}
