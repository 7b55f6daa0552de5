package import SwerveCore
internal import SwerveSystem

/// A folder of the file system.
package struct DiskFolder: FolderSource {
    private let path: String
    private let excludes: ExcludePatterns

    /// - Parameter excludes: what is not even looked at.
    package init(_ path: String, excludes: ExcludePatterns = .none) {
        self.path = path
        self.excludes = excludes
    }

    package func tree(_ limits: FolderLimits) throws(FolderProblem) -> FolderTree {
        var found: [FolderEntry] = []
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try names(in: folder) {
                let entry = folder.isEmpty ? name : "\(folder)/\(name)"
                guard let kind = try kind(of: entry) else { continue }
                found.append(FolderEntry(entry, kind))
                if kind == .folder { folders.append(entry) }
                // Before the memory for it is gone.
                if found.count > limits.entries { return try FolderTree(found, limits: limits) }
            }
        }
        return try FolderTree(found, limits: limits)
    }

    private func names(in folder: String) throws(FolderProblem) -> [String] {
        let bytes: [[UInt8]]
        do { bytes = try FileSystem.entries(in: place(folder)) } catch { throw Self.unreadable(folder, error) }
        var names: [String] = []
        for name in bytes {
            guard let text = String(validating: name, as: UTF8.self) else {
                let shown = String(decoding: name, as: UTF8.self)
                throw FolderProblem(folder.isEmpty ? shown : "\(folder)/\(shown)", "has a name that is not UTF-8")
            }
            names.append(text)
        }
        return names
    }

    /// - Returns: `nil` for an entry that is left out.
    private func kind(of entry: String) throws(FolderProblem) -> FolderEntry.Kind? {
        guard let status = FileStatus(place(entry), followingLinks: false) else {
            throw FolderProblem(entry, "was removed while the folder was read", isPassing: true)
        }
        // The folders above it are not left out, or they would not be read.
        if excludes.leaveOut(entry, isFolder: status.kind == .folder) { return nil }
        switch status.kind {
        case .file: return .file(size: status.size, isExecutable: status.permissions & 0o100 != 0)
        case .folder: return .folder
        case .link:
            let target: [UInt8]
            do { target = try FileSystem.target(ofLink: place(entry)) } catch { throw Self.unreadable(entry, error) }
            guard let text = String(validating: target, as: UTF8.self) else {
                throw FolderProblem(entry, "is a link to a name that is not UTF-8")
            }
            return .link(target: text)
        case .other: throw FolderProblem(entry, "is a device, a socket or a pipe, and cannot be copied")
        }
    }

    package func read(
        _ entry: FolderEntry,
        _ take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void
    ) throws(FolderProblem) {
        guard case .file(let size, let isExecutable) = entry.kind else { return }
        let changed = FolderProblem(entry.path, "changed while it was read", isPassing: true)
        let file: ReadOnlyFile
        do {
            // A link that took its place since is not followed.
            file = try ReadOnlyFile(place(entry.path), followsLink: false)
        } catch {
            throw Self.unreadable(entry.path, error)
        }
        guard let status = file.status, status.kind == .file, (status.permissions & 0o100 != 0) == isExecutable else {
            throw changed
        }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { chunk.deallocate() }
        var offset = 0
        while true {
            let count: Int
            do { count = try file.read(at: offset, into: chunk) } catch { throw Self.unreadable(entry.path, error) }
            if count == 0 { break }
            offset += count
            if offset > size { throw changed }
            try take(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        }
        if offset != size { throw changed }
    }

    private func place(_ entry: String) -> String { entry.isEmpty ? path : "\(path)/\(entry)" }

    private static func unreadable(_ entry: String, _ failure: SystemFailure) -> FolderProblem {
        FolderProblem(entry, "cannot be read: \(failure.reason)", isPassing: true)
    }
}
