/// Files of a repository at one commit, stored in the cache.
public struct HubSnapshot: Hashable, Sendable {
    /// The repository, `owner/name`.
    public let repository: String
    /// The requested revision.
    public let revision: String
    /// The commit that the revision stands for.
    public let commit: String
    /// The folder of the files: `snapshots/<commit>` in the repository's cache folder.
    public let folder: String
    /// The requested files, as sorted paths relative to ``folder``. The folder may hold more files from other loads.
    public let files: [String]

    /// The path of one of the files; nil when it is not among ``files``.
    public func path(_ file: String) -> String? {
        files.contains(file) ? "\(folder)/\(file)" : nil
    }
}

/// The files of a repository at one commit, whether cached or not.
public struct HubListing: Hashable, Sendable {
    /// The repository, `owner/name`.
    public let repository: String
    /// The requested revision.
    public let revision: String
    /// The commit that the revision stands for.
    public let commit: String
    /// The files, sorted by path.
    public let files: [HubFile]
}

/// A file of a repository.
public struct HubFile: Hashable, Sendable {
    /// The path in the repository.
    public let path: String
    /// The size in bytes; nil when the hub does not report it.
    public let size: Int?
    /// The SHA-256 of a large file's bytes; nil for small files.
    public let sha256: String?
    /// The tag under which it is cached: the SHA-256, or for a small file its hash in git.
    public let etag: String?

    package init(path: String, size: Int? = nil, sha256: String? = nil, etag: String? = nil) {
        self.path = path
        self.size = size
        self.sha256 = sha256
        self.etag = etag
    }
}
