package import SwerveCore
internal import SwerveSystem

/// A ZIP file as a folder.
package struct ZipFile: FolderSource {
    private let file: ReadOnlyFile
    private let size: Int
    private let directory: ZipDirectory
    private let entries: [String: ZipDirectory.Entry]
    private let excludes: ExcludePatterns

    /// - Parameter excludes: which entries are left out. They must be sound all the same.
    /// - Throws: ``FolderProblem`` if it cannot be read.
    package init(
        _ path: String,
        excludes: ExcludePatterns = .none,
        _ limits: FolderLimits
    ) throws(FolderProblem) {
        self.excludes = excludes
        do {
            file = try ReadOnlyFile(path)
        } catch {
            throw FolderProblem("", "it cannot be read: \(error.reason)", isPassing: true)
        }
        guard let status = file.status, status.kind == .file else {
            throw FolderProblem("", "it is neither a folder nor a file")
        }
        if status.size > limits.archiveBytes {
            throw FolderProblem("", "the ZIP file has more than \(limits.archiveBytes) bytes")
        }
        size = status.size
        let (file, size) = (file, size)
        directory = try ZipDirectory(size: size) { offset, count throws(FolderProblem) in
            try Self.bytes(of: file, offset, count)
        }
        // Names that come twice are refused with the tree.
        entries = Dictionary(directory.entries.map { ($0.name, $0) }) { first, _ in first }
    }

    package func tree(_ limits: FolderLimits) throws(FolderProblem) -> FolderTree {
        var found: [FolderEntry] = []
        var choice = EntryChoice(excludes)
        // What no file system could have is refused, also where it would be left out.
        var most = limits
        (most.depth, most.pathBytes) = (RuntimeEnvironment.maximumPathBytes / 2, RuntimeEnvironment.maximumPathBytes)
        for entry in directory.entries
        where FolderTree.problem(with: entry.name, most) != nil || choice.takes(entry.name, isFolder: entry.isFolder) {
            let kind: FolderEntry.Kind
            if entry.isFolder {
                kind = .folder
            } else if entry.isLink {
                kind = .link(target: try target(of: entry))
            } else {
                kind = .file(size: entry.size, isExecutable: entry.isExecutable)
            }
            found.append(FolderEntry(entry.name, kind))
            // Before the memory for it is gone.
            if found.count > limits.entries { break }
        }
        // A folder that is not listed is there all the same, also when all that lies in it is left out.
        found += choice.foldersAround.filter { entries[$0] == nil }.sorted().map { FolderEntry($0, .folder) }
        return try FolderTree(found, limits: limits)
    }

    package func read(
        _ entry: FolderEntry,
        _ take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void
    ) throws(FolderProblem) {
        guard let found = entries[entry.path], case .file(found.size, found.isExecutable) = entry.kind else {
            throw FolderProblem(entry.path, "changed while it was read", isPassing: true)
        }
        try content(of: found, take)
    }

    // MARK: Content

    private static let longestTarget = 4095

    private func target(of entry: ZipDirectory.Entry) throws(FolderProblem) -> String {
        if entry.size > Self.longestTarget {
            throw FolderProblem(entry.name, "is a link to nothing that can be a path")
        }
        var bytes: [UInt8] = []
        try content(of: entry) { bytes += $0 }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FolderProblem(entry.name, "is a link to a name that is not UTF-8")
        }
        return text
    }

    /// The bytes of an entry, which have the size and the checksum that the list says.
    private func content(
        of entry: ZipDirectory.Entry,
        _ take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void
    ) throws(FolderProblem) {
        let header = try Self.bytes(of: file, entry.offset, 30 + entry.name.utf8.count)
        var offset = try ZipDirectory.contentOffset(of: entry, header: header)
        guard offset + entry.packedSize <= directory.start else {
            throw FolderProblem(entry.name, "lies outside of the ZIP file, which is damaged")
        }
        var unpacking = Unpacking(entry)
        var rest = entry.packedSize
        while rest > 0 {
            let count = min(rest, 1 << 18)
            try unpacking.add(Self.bytes(of: file, offset, count), take)
            offset += count
            rest -= count
        }
        try unpacking.finish()
    }

    // MARK: The file

    private static func bytes(
        of file: ReadOnlyFile,
        _ offset: Int,
        _ count: Int
    ) throws(FolderProblem) -> [UInt8] {
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        // The library's own closures throw any error.
        let result = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemFailure) -> Int in
                var done = 0
                while done < count {
                    let read = try file.read(
                        at: offset + done,
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                    )
                    if read == 0 { break }
                    done += read
                }
                return done
            }
        }
        switch result {
        case .success(count): return bytes
        case .success: throw FolderProblem("", "the ZIP file became shorter while it was read", isPassing: true)
        case .failure(let failure): throw FolderProblem("", "it cannot be read: \(failure.reason)", isPassing: true)
        }
    }
}
