internal import SwerveSystem

/// The cache of one repository. Its methods block, so they run on ``Disk``'s threads.
struct HubCache: Sendable {
    /// What the cache has of a revision.
    struct Cached: Sendable {
        var commit: String
        /// The chosen files in the cache.
        var present: [String]
        /// The chosen files that are not in the cache, and the patterns without a match.
        var missing: [String]
    }

    private static let maximumReferenceBytes = 1024

    let layout: CacheLayout
    private let limits: HubLimits

    init(_ options: ModelHubOptions, repository: String) {
        layout = CacheLayout(cacheFolder: options.cacheFolder, repository: repository)
        limits = options.limits
    }

    /// The commit of a revision: the revision itself, or the content of its reference; nil when there is no reference
    /// or it is damaged.
    func commit(of revision: String) throws(HubError) -> String? {
        if HubName.isCommit(revision) { return revision }
        let bytes = try Files.read(layout.reference(revision), limit: HubCache.maximumReferenceBytes)
        guard let bytes else { return nil }
        let commit = String(decoding: bytes, as: UTF8.self).trimmed
        return HubName.isCommit(commit) ? commit : nil
    }

    /// The files of a commit, if its listing was kept.
    func tree(_ commit: String) -> HubTree? {
        (try? Files.read(layout.tree(commit), limit: limits.maximumListingBytes)).flatMap { HubTree($0) }
    }

    /// Which of a revision's chosen files are cached; nil when there is no snapshot of the revision.
    ///
    /// The result is reliable when a listing was kept or the files are chosen by name. Otherwise the cached files count
    /// as complete, as in `huggingface_hub`, but each pattern must match something.
    func cached(_ revision: String, files: HubFiles) throws(HubError) -> Cached? {
        guard let commit = try commit(of: revision), FileSystem.isFolder(layout.snapshot(commit)) else { return nil }
        guard let tree = tree(commit) else {
            let present = files.select(self.files(commit: commit))
            var missing = files.unmatched(by: present).filter { !$0.isEmpty }
            if files.patterns == nil, present.isEmpty { missing = ["*"] }
            return Cached(commit: commit, present: present, missing: missing)
        }
        let list = tree.list
        let chosen = Set(files.select(list.map(\.path)))
        var cached = Cached(commit: commit, present: [], missing: files.names.filter { !chosen.contains($0) })
        for file in list where chosen.contains(file.path) {
            let isPresent = (try? HubName.check(file: file.path)) != nil && has(file, commit: commit)
            isPresent ? cached.present.append(file.path) : cached.missing.append(file.path)
        }
        return cached
    }

    /// Whether a snapshot has a file, complete according to its size.
    func has(_ file: HubFile, commit: String) -> Bool {
        guard let size = FileSystem.size(layout.pointer(file.path, commit: commit)) else { return false }
        return size == file.size ?? size
    }

    /// The files of a snapshot, sorted.
    func files(commit: String) -> [String] {
        var found: [String] = []
        var folders = [""]
        let root = layout.snapshot(commit)
        while let folder = folders.popLast(), found.count <= limits.maximumFiles {
            for name in FileSystem.names(in: root + "/" + folder) {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                if FileSystem.size("\(root)/\(path)") != nil {
                    found.append(path)
                } else if FileSystem.isFolder("\(root)/\(path)"), path.utf8.count < HubName.maximumBytes {
                    folders.append(path)
                }
            }
        }
        return found.sorted()
    }

    /// Makes the folders for a snapshot's file and its blob.
    func prepare(_ path: String, commit: String) throws(HubError) {
        try Files.makeFolders(layout.blobs)
        try Files.makeFolders(layout.locks)
        try Files.makeFolders(CacheLayout.parent(layout.pointer(path, commit: commit)))
    }

    /// Whether there is a blob of this size. A blob of another size is damaged and is removed. Call while holding its
    /// lock.
    func hasBlob(_ etag: String, size: Int?) throws(HubError) -> Bool {
        guard let found = FileSystem.size(layout.blob(etag)) else { return false }
        if found == size ?? found { return true }
        try Files.remove(layout.blob(etag))
        return false
    }

    /// Links a snapshot's file to its blob. Call while holding the blob's lock.
    func link(_ path: String, commit: String, etag: String) throws(HubError) {
        let pointer = layout.pointer(path, commit: commit)
        // An existing file stays: others may have it open, or the cache may not use links.
        if let size = FileSystem.size(pointer), size == FileSystem.size(layout.blob(etag)) { return }
        try Files.link(pointer, to: layout.target(of: path, etag: etag))
    }

    /// Records the commit of a revision. Call after all its files are present, so that a load that stops earlier leaves
    /// the cache unchanged.
    ///
    /// - Parameter movesReference: whether a reference that names another commit is replaced.
    func keep(_ revision: String, commit: String, tree: HubTree?, movesReference: Bool) throws {
        try Files.makeFolders(layout.snapshot(commit))
        if let tree { try keep(tree, of: commit) }
        guard !HubName.isCommit(revision) else { return }
        if let present = try self.commit(of: revision), present == commit || !movesReference { return }
        try Files.makeFolders(CacheLayout.parent(layout.reference(revision)))
        try Files.write(Array(commit.utf8), to: layout.reference(revision))
    }

    /// Keeps the listing of a commit. It says which files there are on the hub, not which of them are here.
    func keep(_ tree: HubTree, of commit: String) throws {
        guard let bytes = tree.bytes, self.tree(commit) == nil else { return }
        try Files.makeFolders(CacheLayout.parent(layout.tree(commit)))
        try Files.write(bytes, to: layout.tree(commit))
    }
}
