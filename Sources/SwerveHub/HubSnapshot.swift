/// Files of a repository at one commit, in the cache.
public struct HubSnapshot: Hashable, Sendable {
    /// The repository, `owner/name`.
    public let repository: String
    /// The revision that was asked for.
    public let revision: String
    /// The commit that the revision stands for.
    public let commit: String
    /// The folder of the files: `snapshots/<commit>` in the cache's folder of the repository.
    public let folder: String
    /// The files that were asked for, relative to ``folder``, sorted. The folder may hold others from other loads.
    public let files: [String]

    /// The path of one of the files; nil when it is not among ``files``.
    public func path(_ file: String) -> String? {
        files.contains(file) ? "\(folder)/\(file)" : nil
    }
}

/// The files of a repository at one commit, in the cache or not.
public struct HubListing: Hashable, Sendable {
    /// The repository, `owner/name`.
    public let repository: String
    /// The revision that was asked for.
    public let revision: String
    /// The commit that the revision stands for.
    public let commit: String
    /// The files, sorted by path.
    public let files: [HubFile]
}

/// A file of a repository.
public struct HubFile: Hashable, Sendable {
    /// Its path in the repository.
    public let path: String
    /// How many bytes it has; nil when the hub does not say.
    public let size: Int?
    /// The SHA-256 of its bytes, for large files; small ones have none.
    public let sha256: String?
    /// The tag under which it is cached: the SHA-256, or the hash by which git knows a small file.
    public let etag: String?

    package init(path: String, size: Int? = nil, sha256: String? = nil, etag: String? = nil) {
        self.path = path
        self.size = size
        self.sha256 = sha256
        self.etag = etag
    }
}
