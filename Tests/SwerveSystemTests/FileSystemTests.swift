import SwerveSystem
import Testing

@Suite struct FileSystemTests {
    @Test func `files and folders are told apart, through links too`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/file", "12345")
            try FileSystem.link("\(folder)/link", to: "file")
            try FileSystem.link("\(folder)/folder-link", to: folder)
            for name in ["file", "link"] {
                #expect(FileSystem.isFile("\(folder)/\(name)") && !FileSystem.isFolder("\(folder)/\(name)"))
                #expect(FileSystem.size("\(folder)/\(name)") == 5)
            }
            #expect(FileSystem.isFolder(folder) && FileSystem.isFolder("\(folder)/folder-link"))
            #expect(FileStatus("\(folder)/folder-link", followingLinks: false)?.kind == .link)
            #expect(FileSystem.size(folder) == nil && FileSystem.size("\(folder)/none") == nil)
            #expect(FileSystem.exists(folder) && !FileSystem.exists("\(folder)/none"))
            #expect(FileStatus("\(folder)/file")?.owner == ThisProcess.userID)
        }
    }

    @Test func `the names in a folder are sorted and without the folder itself`() throws {
        try withFolder { folder in
            for name in ["b", "a", ".c"] { try makeFile("\(folder)/\(name)") }
            #expect(FileSystem.names(in: folder) == [".c", "a", "b"])
            #expect(FileSystem.names(in: "\(folder)/none") == [])
        }
    }

    @Test func `a temporary folder is new and for this user only`() throws {
        try withFolder { folder in
            let first = try FileSystem.makeTemporaryFolder("\(folder)/part.")
            let second = try FileSystem.makeTemporaryFolder("\(folder)/part.")
            #expect(first != second && first.hasPrefix("\(folder)/part.") && FileSystem.isFolder(first))
            let failed = failure { _ = try FileSystem.makeTemporaryFolder("\(folder)/none/part.") }
            #expect(failed?.isMissing == true)
        }
    }

    @Test func `a folder is made with its parents, or found`() throws {
        try withFolder { folder in
            for _ in 1...2 { try FileSystem.makeFolders("\(folder)/a/b/c") }
            #expect(FileSystem.isFolder("\(folder)/a/b/c"))
            try makeFile("\(folder)/file")
            let taken = failure { try FileSystem.makeFolders("\(folder)/file") }
            #expect(taken?.code == .exists)
            let failed = failure { try FileSystem.makeFolders("\(folder)/file/below") }
            #expect(failed?.description == "cannot make the folder \(folder)/file/below: Not a directory")
            let takenToo = failure { try FileSystem.makeFolder("\(folder)/a", mode: 0o700) }
            #expect(takenToo?.code == .exists)
        }
    }

    @Test func `what is removed may be missing, and only an empty folder goes`() throws {
        try withFolder { folder in
            try FileSystem.remove("\(folder)/none")
            try FileSystem.makeFolders("\(folder)/a")
            try makeFile("\(folder)/a/file")
            FileSystem.removeEmptyFolder("\(folder)/a")
            #expect(FileSystem.isFile("\(folder)/a/file"))
            try FileSystem.remove("\(folder)/a/file")
            FileSystem.removeEmptyFolder("\(folder)/a")
            #expect(!FileSystem.exists("\(folder)/a"))
            let kept = failure { try FileSystem.remove(folder) }
            #expect(kept?.attempt == "remove")
        }
    }

    @Test func `a link replaces what has its name`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/one", "1")
            try makeFile("\(folder)/two", "22")
            try FileSystem.link("\(folder)/link", to: "one")
            try FileSystem.link("\(folder)/link", to: "two")
            #expect(FileSystem.size("\(folder)/link") == 2)
            let failed = failure { try FileSystem.link("\(folder)/none/link", to: "one") }
            #expect(
                failed?.description
                    == "cannot make a symbolic link at \(folder)/none/link: No such file or directory"
            )
        }
    }

    @Test func `a file that is moved replaces the one in its place`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/one", "1")
            try makeFile("\(folder)/two", "22")
            try FileSystem.rename("\(folder)/one", to: "\(folder)/two")
            #expect(FileSystem.names(in: folder) == ["two"] && FileSystem.size("\(folder)/two") == 1)
            let failed = failure { try FileSystem.rename("\(folder)/one", to: "\(folder)/three") }
            #expect(failed?.description == "cannot move a file to \(folder)/three: No such file or directory")
        }
    }

    @Test func `a changed file has another identity, one under another name the same`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/file", "before")
            try FileSystem.link("\(folder)/link", to: "file")
            let before = try #require(FileIdentity("\(folder)/file"))
            #expect(FileIdentity("\(folder)/link") == before)
            #expect(before.description.hasPrefix("\(folder)/file "))
            try makeFile("\(folder)/file", "after it")
            #expect(FileIdentity("\(folder)/file") != before)
            #expect(FileIdentity(folder) == nil && FileIdentity("\(folder)/none") == nil)
        }
    }

    @Test func `a status has the owner, the permissions and the kind, also of a link`() throws {
        try withFolder { folder in
            try makeFile("\(folder)/file")
            try FileSystem.link("\(folder)/link", to: "file")
            let status = try #require(FileStatus(folder))
            #expect(status.owner == ThisProcess.userID && status.permissions == 0o700 && status.kind == .folder)
            #expect(FileStatus("\(folder)/link", followingLinks: false)?.kind == .link)
            #expect(FileStatus("\(folder)/link")?.kind == .file)
            #expect(FileSystem.isWritable(folder) && !FileSystem.isWritable("\(folder)/none"))
        }
    }

    @Test func `a disk's room and the folders of the process are known`() {
        #expect(FileSystem.freeBytes("/tmp").map { $0 > 0 } == true)
        #expect(FileSystem.freeBytes("/nowhere") == nil)
        #expect(FileSystem.isFolder(FileSystem.currentFolder))
        #expect(FileSystem.homeFolder?.hasPrefix("/") == true)
    }
}
