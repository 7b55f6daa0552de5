package import SwerveCore
internal import SwerveSystem

/// Copies of working directories, in which replicas start. Each has the digest of its content as its name, so deployments
/// with the same content share one, and nobody may write to it.
///
/// A copy has another name until it is complete, so that one whose making was interrupted is never taken for whole.
package struct KeptFolders: Sendable {
    private let folder: String
    private let limits: FolderLimits

    /// At most this many copies are kept. One more is refused as long as applications need the others.
    package static let limit = 64
    /// How many that no application needs stay, so that going back is quick.
    package static let spare = 8
    /// How long a copy stays that no application needs, in seconds, so that a deploy can come: 10 minutes, in which a
    /// program may describe an application.
    static let grace = 600
    /// How long an incomplete copy stays: an hour.
    static let draftGrace = 3600
    private static let draftPrefix = "draft-"

    /// Where the content of a working directory comes from.
    package struct Source: Hashable, Sendable {
        /// A path or a `file:` URI.
        package let path: String
        /// What is left out: see ``ExcludePatterns``.
        package let excludes: [String]

        package init(_ path: String, excludes: [String] = []) {
            self.path = path
            self.excludes = excludes
        }
    }

    /// - Parameter folder: where they are; it is made when the first one is kept.
    package init(in folder: String, limits: FolderLimits = FolderLimits()) {
        self.folder = FileSystem.absolute(folder)
        self.limits = limits
    }

    /// The copy with a digest; `nil` if it is not kept.
    package func path(of digest: String) -> String? {
        guard Self.isDigest(digest) else { return nil }
        let path = "\(folder)/\(digest)"
        return FileStatus(path, followingLinks: false)?.kind == .folder ? path : nil
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { HexDigit.value($0) != nil }
    }

    /// Keeps a copy of a folder, or of what is in a ZIP file. Blocks.
    ///
    /// - Returns: the digest of the content, for ``path(of:)``.
    /// - Throws: ``ServeError`` with code `notFound` if there is no such folder or file, `invalidOptions` for what cannot be
    ///   a working directory, and `system` if it cannot be read or copied, changes meanwhile, or too many are kept.
    package func keep(_ source: Source) throws(ServeError) -> String {
        try Self.explaining(source) { path, excludes throws(FolderProblem) in try keep(path, excludes) }
    }

    /// The digest of the content of a folder or of a ZIP file, of which nothing is kept. Blocks.
    ///
    /// - Throws: like ``keep(_:)``.
    package static func digest(
        of source: Source,
        limits: FolderLimits = FolderLimits()
    ) throws(ServeError) -> String {
        try explaining(source) { path, excludes throws(FolderProblem) in
            try content(of: path, excludes, limits).manifest(limits).digest
        }
    }

    private static func explaining(
        _ source: Source,
        _ body: (String, ExcludePatterns) throws(FolderProblem) -> String
    ) throws(ServeError) -> String {
        let path = FileSystem.absolute(try RuntimeEnvironment.path(of: source.path))
        let excludes = try ExcludePatterns(source.excludes)
        guard FileSystem.exists(path) else {
            throw ServeError(.notFound, "the working directory '\(path)': there is no such folder or ZIP file")
        }
        do {
            return try body(path, excludes)
        } catch {
            throw ServeError(
                error.isPassing ? .system : .invalidOptions,
                "the working directory '\(path)' cannot be used: \(error)"
            )
        }
    }

    private func keep(_ path: String, _ excludes: ExcludePatterns) throws(FolderProblem) -> String {
        try checkApart(path, excludes)
        let first = try Self.content(of: path, excludes, limits).manifest(limits)
        let digest = first.digest
        if let kept = self.path(of: digest) {
            FileSystem.touch(kept)
            return digest
        }
        try makeRoom()
        let draft = "\(folder)/\(Self.draftPrefix)\(UInt64.random(in: .min ... .max))"
        do throws(FolderProblem) {
            let second = try FolderCopy(to: draft).copy(Self.content(of: path, excludes, limits), limits)
            if let entry = second.difference(from: first) {
                throw FolderProblem(entry, "changed while it was copied; deploy again", isPassing: true)
            }
            try Self.system { () throws(SystemFailure) in
                try FileSystem.syncFileSystem(of: draft)
                do throws(SystemFailure) {
                    try FileSystem.rename(draft, to: "\(folder)/\(digest)")
                } catch {
                    // Another deploy was faster.
                    guard self.path(of: digest) != nil else { throw error }
                    FileSystem.removeTree(draft)
                }
                try FileSystem.sync(folder)
            }
            return digest
        } catch {
            FileSystem.removeTree(draft)
            throw error
        }
    }

    private static func content(
        of path: String,
        _ excludes: ExcludePatterns,
        _ limits: FolderLimits
    ) throws(FolderProblem) -> any FolderSource {
        if FileSystem.isFolder(path) { return DiskFolder(path, excludes: excludes) }
        return try ZipFile(path, excludes: excludes, limits)
    }

    /// Refuses a folder that has the copies in it, which would grow while it is copied; unless they are left out.
    private func checkApart(_ path: String, _ excludes: ExcludePatterns) throws(FolderProblem) {
        // The folder itself is made when it is needed.
        let parent = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? "/"
        guard let real = FileSystem.realPath(path), let own = FileSystem.realPath(parent) else { return }
        guard "\(own)/".hasPrefix("\(real)/") else { return }
        var choice = EntryChoice(excludes)
        if own == real || choice.takes(String(own.dropFirst(real == "/" ? 1 : real.count + 1)), isFolder: true) {
            throw FolderProblem(
                "",
                "the instance keeps its own files in it; choose another state directory, or a folder beside it, or "
                    + "exclude them"
            )
        }
    }

    private func makeRoom() throws(FolderProblem) {
        try Self.system { () throws(SystemFailure) in
            if !FileSystem.isFolder(folder) { try FileSystem.makeFolder(folder, mode: 0o700) }
        }
        guard FileSystem.names(in: folder).count < Self.limit else {
            throw FolderProblem(
                "",
                "\(Self.limit) working directories are kept in '\(folder)' already; delete applications that need them, or wait a while",
                isPassing: true
            )
        }
    }

    static func system(_ body: () throws(SystemFailure) -> Void) throws(FolderProblem) {
        do { try body() } catch { throw FolderProblem("", "\(error)", isPassing: true) }
    }

    /// Removes the copies that no application needs, apart from the ``spare`` latest.
    ///
    /// - Parameters:
    ///   - digests: those that are needed.
    ///   - isStart: whether nobody can be making one now.
    package func removeAll(except digests: Set<String>, isStart: Bool = false) {
        var unneeded: [(path: String, used: Int)] = []
        for name in FileSystem.names(in: folder) where !digests.contains(name) {
            let path = "\(folder)/\(name)"
            guard let status = FileStatus(path, followingLinks: false) else { continue }
            if Self.isDigest(name) {
                unneeded.append((path, status.modifiedSeconds))
            } else if isStart || WallClock.seconds - status.changedSeconds > Self.draftGrace {
                FileSystem.removeTree(path)
            }
        }
        for (path, used) in unneeded.sorted(by: { ($0.used, $0.path) > ($1.used, $1.path) }).dropFirst(Self.spare)
        where isStart || WallClock.seconds - used > Self.grace {
            discard(path)
        }
    }

    /// Removes a copy, which is no longer one from the first step on.
    private func discard(_ path: String) {
        let draft = "\(folder)/\(Self.draftPrefix)\(UInt64.random(in: .min ... .max))"
        do { try FileSystem.rename(path, to: draft) } catch { return }
        FileSystem.removeTree(draft)
    }
}
