internal import SwerveCore

/// Which entries of a working directory are taken, whatever order they come in.
struct EntryChoice {
    private let excludes: ExcludePatterns
    /// The folders in which entries lie, by path, and whether they are taken.
    private var folders: [Substring: Bool] = [:]

    init(_ excludes: ExcludePatterns) {
        self.excludes = excludes
    }

    /// Whether an entry is taken: it is not left out itself, and it lies in no folder that is.
    mutating func takes(_ path: String, isFolder: Bool) -> Bool {
        excludes.isEmpty || takes(path[...], isFolder: isFolder)
    }

    private mutating func takes(_ path: Substring, isFolder: Bool) -> Bool {
        if let slash = path.lastIndex(of: "/") {
            let parent = path[..<slash]
            let isTaken = folders[parent] ?? takes(parent, isFolder: true)
            folders[parent] = isTaken
            if !isTaken { return false }
        }
        return !excludes.leaveOut(String(path), isFolder: isFolder)
    }

    /// The folders that are taken and in which entries lie, left out or not.
    var foldersAround: [String] { folders.filter(\.value).map { String($0.key) } }
}
