import SwerveEnvironments
import Testing

/// What may be in a working directory.
@Suite struct FolderTreeTests {
    private func tree(_ entries: FolderEntry..., limits: FolderLimits = FolderLimits()) throws -> FolderTree {
        try FolderTree(entries, limits: limits)
    }

    private func problem(_ entries: FolderEntry..., limits: FolderLimits = FolderLimits()) -> String {
        do {
            _ = try FolderTree(entries, limits: limits)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    private func file(_ path: String, _ size: Int = 1) -> FolderEntry {
        FolderEntry(path, .file(size: size, isExecutable: false))
    }

    private func link(_ path: String, _ target: String) -> FolderEntry { FolderEntry(path, .link(target: target)) }

    @Test func `entries are sorted, and folders that are not listed are added`() throws {
        let tree = try tree(file("b/c/d", 2), file("a", 3))
        #expect(tree.entries.map(\.path) == ["a", "b", "b/c", "b/c/d"])
        #expect(tree.entries[1].kind == .folder)
        #expect(tree.bytes == 5)
    }

    @Test(arguments: [
        ("/etc/passwd", "'/etc/passwd' is an absolute path; entries must lie below the working directory"),
        ("../a", "'../a' has '..' in its path; entries must lie below the working directory"),
        ("a/../../b", "'a/../../b' has '..' in its path; entries must lie below the working directory"),
        ("a/./b", "'a/./b' has '.' in its path; entries must lie below the working directory"),
        ("a//b", "'a//b' has an empty name in its path"),
        ("a\\b", #"'a\\b' has a backslash in its name, which some systems take for a '/'"#),
        ("a\0b", #"'a\0b' has a NUL byte in its name"#),
        ("", "an entry has no name"),
    ])
    func `a path that leaves the folder, or means something else elsewhere, is refused`(path: String, problem: String) {
        #expect(self.problem(file(path)) == problem)
    }

    @Test func `an entry twice, and one below something that is no folder, are refused`() {
        #expect(problem(file("a"), file("a")) == "'a' is there twice")
        #expect(problem(file("a"), file("a/b")) == "'a/b' lies in 'a', which is no folder")
        #expect(problem(link("a", "b"), file("a/c"), file("b/d")) == "'a/c' lies in 'a', which is no folder")
    }

    @Test(arguments: ["b", "c/../b", "./b", "c/d", "nowhere", "c/up/b"])
    func `a link that stays in the folder is kept`(target: String) throws {
        let tree = try tree(file("b"), file("c/d"), link("c/up", ".."), link("l", target))
        #expect(tree.entries.last?.kind == .link(target: target))
    }

    @Test(arguments: ["..", "../b", "c/../../b", "c/up/..", "c/up/../b", "c/self/../.."])
    func `a link that leaves the folder, also by way of other links, is refused`(target: String) {
        let found = problem(file("b"), file("c/d"), link("c/up", ".."), link("c/self", "."), link("l", target))
        #expect(found == "'l' is a link to '\(target)', which leads out of the working directory")
    }

    @Test func `absolute links and circles are refused`() {
        #expect(problem(link("l", "/etc")).contains("which is an absolute path"))
        #expect(problem(link("a", "b"), link("b", "a")).contains("which leads through more than 40 links"))
    }

    @Test func `the limits name what is beyond them`() {
        var limits = FolderLimits()
        (limits.bytes, limits.entries, limits.depth, limits.pathBytes) = (10, 3, 2, 20)
        #expect(problem(file("a", 10), limits: limits) == "none")
        #expect(
            problem(file("a", 6), file("b", 5), limits: limits)
                == "'b' is the file with which all have more than 10 bytes, the most that a working directory may have"
        )
        #expect(problem(file("a", .max), file("b", .max), limits: limits).hasPrefix("'a' is the file"))
        #expect(
            problem(file("a"), file("b"), file("c"), file("d"), limits: limits)
                == "it has more than 3 files, folders and links"
        )
        #expect(problem(file("a/b"), file("c/d"), limits: limits) == "it has more than 3 files, folders and links")
        #expect(problem(file("a/b/c"), limits: limits) == "'a/b/c' lies deeper than 2 folders")
        #expect(problem(file(String(repeating: "a", count: 21)), limits: limits).contains("more than 20 bytes"))
        #expect(problem(file(String(repeating: "a", count: 256))).contains("a name of more than 255 bytes"))
    }
}
