internal import SwerveSystem

/// Writes a folder to the disk so that nobody may change it.
struct FolderCopy {
    private let path: String

    /// - Parameter path: where nothing is.
    init(to path: String) {
        self.path = path
    }

    /// - Returns: what was written.
    func copy(_ source: any FolderSource, _ limits: FolderLimits) throws(FolderProblem) -> FolderManifest {
        try KeptFolders.system { () throws(SystemFailure) in try FileSystem.makeFolder(path, mode: 0o700) }
        var file: NewFile?
        let manifest = try source.manifest(
            limits,
            begin: { entry throws(FolderProblem) in
                file = try begin(entry)
            },
            take: { bytes throws(FolderProblem) in
                try KeptFolders.system { () throws(SystemFailure) in try file?.writeAll(bytes) }
            }
        )
        file = nil
        try KeptFolders.system { () throws(SystemFailure) in
            // Nothing is made in a folder any more; the inner ones come first.
            for item in manifest.items.reversed() where item.entry.kind == .folder {
                try FileSystem.setMode("\(path)/\(item.entry.path)", 0o555)
            }
            try FileSystem.setMode(path, 0o555)
        }
        return manifest
    }

    private func begin(_ entry: FolderEntry) throws(FolderProblem) -> NewFile? {
        let place = "\(path)/\(entry.path)"
        do {
            switch entry.kind {
            case .folder:
                try FileSystem.makeFolder(place, mode: 0o700)
                return nil
            case .file(_, let isExecutable): return try NewFile(place, mode: isExecutable ? 0o555 : 0o444)
            case .link(let target):
                try FileSystem.makeLink(place, to: target)
                return nil
            }
        } catch {
            throw FolderProblem(entry.path, "cannot be copied: \(error.reason)", isPassing: true)
        }
    }
}
