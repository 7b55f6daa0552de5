internal import Logging
internal import SwerveSystem

/// One load of a snapshot: compares the cache with the hub and downloads what is missing.
struct SnapshotLoad: Sendable {
    /// Chooses the files to load among those of the revision.
    typealias Choice = @Sendable (HubListing) throws -> HubFiles

    let repository: String
    let revision: String
    /// The commit that the revision stands for; nil leaves it to the hub.
    let commit: String?
    /// Whether the caller gave the commit, so that nobody asks the hub what the revision stands for now.
    private let isPinned: Bool
    let network: HubNetwork
    private let cache: HubCache

    /// - Throws: ``HubError`` with code `invalidName`.
    init(
        repository: String,
        revision: String,
        commit: String? = nil,
        network: HubNetwork
    ) throws(HubError) {
        try HubName.check(repository: repository)
        try HubName.check(revision: revision)
        if let commit, !HubName.isCommit(commit) {
            throw HubError(.invalidName, "invalid commit \(HubName.quoted(commit)): use the 40 digits of its hash")
        }
        self.repository = repository
        self.revision = revision
        self.commit = commit ?? (HubName.isCommit(revision) ? revision : nil)
        isPinned = commit != nil
        self.network = network
        cache = HubCache(network.options, repository: repository)
    }

    private var options: ModelHubOptions { network.options }
    private var subject: String { "\(repository) at \(HubName.quoted(revision))" }

    private func snapshot(_ commit: String, _ files: [String]) -> HubSnapshot {
        HubSnapshot(
            repository: repository,
            revision: revision,
            commit: commit,
            folder: cache.layout.snapshot(commit),
            files: files
        )
    }

    // MARK: The cache

    /// What the cache has of the chosen files.
    private struct Stock {
        let cached: HubCache.Cached
        /// Whether it is certain that no chosen file is missing: all were chosen by name, or a listing was kept.
        let isCertain: Bool

        var isWhole: Bool { cached.missing.isEmpty }
    }

    /// - Returns: nil when the cache has nothing of the revision.
    /// - Throws: ``HubError``, or what `choose` throws.
    private func stock(of revision: String, _ choose: Choice, isFree: Bool) async throws -> Stock? {
        guard let listing = try await cachedListing(of: revision) else { return nil }
        let files = try choose(listing)
        let areNamed = !isFree && files.names.count == files.patterns?.count
        return try await Disk.run {
            guard let cached = try cache.cached(revision, files: files) else { return nil }
            return Stock(cached: cached, isCertain: areNamed || cache.tree(cached.commit) != nil)
        }
    }

    /// The cache's listing of a revision: the kept listing, or else the cached files; nil when it has none.
    private func cachedListing(of revision: String) async throws -> HubListing? {
        try await Disk.run {
            guard let commit = try cache.commit(of: revision) else { return nil }
            var files = cache.tree(commit)?.list
            if files == nil {
                let paths = cache.files(commit: commit)
                let sizes = paths.map { FileSystem.size(cache.layout.pointer($0, commit: commit)) }
                files = paths.isEmpty ? nil : zip(paths, sizes).map { HubFile(path: $0, size: $1) }
            }
            return files.map { HubListing(repository: repository, revision: self.revision, commit: commit, files: $0) }
        }
    }

    /// Describes what the cache lacks.
    private func missing(_ cached: HubCache.Cached?) -> String {
        guard let cached else {
            return "the cache in \(options.cacheFolder) has nothing of \(subject)"
        }
        let names = cached.missing.prefix(5).map(HubName.quoted).joined(separator: ", ")
        let more = cached.missing.count > 5 ? " and \(cached.missing.count - 5) more" : ""
        return "the cache in \(options.cacheFolder) lacks files of \(subject): \(names)\(more)"
    }

    private func offline(_ cached: HubCache.Cached?) -> HubError {
        HubError(.offline, "HF_HUB_OFFLINE is set and \(missing(cached)); load it once without HF_HUB_OFFLINE")
    }

    private func warn(_ error: HubError, commit: String) {
        options.logger.warning(
            "the hub cannot be used; using the cache",
            metadata: ["repository": "\(repository)", "commit": "\(commit)", "error": "\(error)"]
        )
    }

    // MARK: Loading

    /// - Parameter isFree: whether the choice depends on which files there are.
    func run(_ choose: Choice, isFree: Bool) async throws -> HubSnapshot {
        if options.isOffline {
            let stock = try await stock(of: commit ?? revision, choose, isFree: isFree)
            guard let stock, stock.isWhole else { throw offline(stock?.cached) }
            return snapshot(stock.cached.commit, stock.cached.present)
        }
        let stock: Stock?
        do {
            stock = try await self.stock(of: commit ?? revision, choose, isFree: isFree)
        } catch let error as HubError {
            throw error
        } catch {
            // Of an incomplete cache nothing can be chosen. The hub's listing decides.
            stock = nil
        }
        let fallback = stock.flatMap { $0.isWhole ? $0 : nil }
        if commit != nil, let fallback, fallback.isCertain {
            return snapshot(fallback.cached.commit, fallback.cached.present)
        }
        let contents: Contents
        do {
            contents = try await self.contents(isPatient: fallback == nil)
        } catch let error as HubError where error.leavesTheCache {
            guard let fallback else {
                guard [.unreachable, .timeout].contains(error.code) else { throw error }
                throw HubError(error.code, "\(error.message); \(missing(stock?.cached))")
            }
            warn(error, commit: fallback.cached.commit)
            return snapshot(fallback.cached.commit, fallback.cached.present)
        }
        let chosen = try chosen(contents, choose)
        let missing = try await Disk.run { chosen.filter { !cache.has($0, commit: contents.commit) } }
        if !missing.isEmpty {
            try await network.withClient { try await download(missing, commit: contents.commit, $0) }
        }
        // Another load may have found a newer commit of the revision, which a given one must not replace.
        let hasOther = isPinned ? (try? await self.stock(of: revision, choose, isFree: isFree))?.isWhole == true : false
        try await keep(contents, movesReference: !hasOther)
        return snapshot(contents.commit, chosen.map(\.path))
    }

    /// The files of a commit.
    private struct Contents {
        let commit: String
        let list: [HubFile]
        let tree: HubTree?
    }

    /// The kept listing of a known commit, or else the hub's answer.
    private func contents(isPatient: Bool) async throws -> Contents {
        if let commit, let tree = try await Disk.run({ cache.tree(commit) }) {
            return Contents(commit: commit, list: tree.list, tree: tree)
        }
        let answer = try await network.listing(repository, revision: commit ?? revision, isPatient: isPatient)
        if let commit, answer.commit != commit {
            throw HubError(.server, "\(subject): the hub answered with commit \(answer.commit) instead of \(commit)")
        }
        return Contents(commit: answer.commit, list: answer.list, tree: HubTree(answer))
    }

    private func chosen(_ contents: Contents, _ choose: Choice) throws -> [HubFile] {
        let list = contents.list
        let files = try choose(
            HubListing(repository: repository, revision: revision, commit: contents.commit, files: list)
        )
        let paths = Set(files.select(list.map(\.path)))
        let chosen = list.filter { paths.contains($0.path) }
        for file in chosen { try HubName.check(file: file.path) }
        let absent = files.names.filter { !paths.contains($0) }
        guard absent.isEmpty else {
            let names = absent.map(HubName.quoted).joined(separator: ", ")
            throw HubError(.notFound, "\(subject) has no file \(names)")
        }
        guard chosen.count <= options.limits.maximumFiles else {
            throw HubError(
                .tooLarge,
                "\(subject) has \(chosen.count) files; the limit maximumFiles is \(options.limits.maximumFiles)"
            )
        }
        if chosen.isEmpty, files != .all {
            options.logger.warning("no file in the repository matches", metadata: ["repository": "\(repository)"])
        }
        return chosen
    }

    /// Records the revision and its files. A cache that cannot be written but has the files is still usable.
    private func keep(_ contents: Contents, movesReference: Bool) async throws {
        do {
            try await Disk.run {
                try cache.keep(
                    revision,
                    commit: contents.commit,
                    tree: contents.tree,
                    movesReference: movesReference
                )
            }
        } catch let error as HubError {
            options.logger.warning("the revision could not be recorded in the cache", metadata: ["error": "\(error)"])
        }
    }

    private func download(_ missing: [HubFile], commit: String, _ client: HubClient) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let progress = ProgressReporter(title: repository, files: missing, options: options) {
            start.duration(to: clock.now)
        }
        defer { progress.ended() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for file in missing {
                if running >= max(options.limits.parallelFiles, 1) {
                    try await group.next()
                    running -= 1
                }
                let download = BlobDownload(
                    file: file,
                    repository: repository,
                    commit: commit,
                    client: client,
                    cache: cache,
                    options: options,
                    progress: progress
                )
                group.addTask { try await download.run() }
                running += 1
            }
            // One at a time, so that the first failure cancels the others instead of waiting for them.
            while try await group.next() != nil {}
        }
    }

    // MARK: Asking without loading

    /// The files of the revision: from the hub, or else from the cache.
    func listing() async throws -> HubListing {
        let cached = try await cachedListing(of: commit ?? revision)
        if options.isOffline {
            guard let cached else { throw offline(nil) }
            return cached
        }
        do {
            let contents = try await contents(isPatient: cached == nil)
            return HubListing(
                repository: repository,
                revision: revision,
                commit: contents.commit,
                files: contents.list
            )
        } catch let error as HubError where error.leavesTheCache {
            guard let cached else { throw error }
            warn(error, commit: cached.commit)
            return cached
        }
    }

    /// The commit of the revision: as the hub says, which is asked once, or else as the cache remembers. A revision that
    /// is a commit needs no hub.
    func currentCommit() async throws -> String {
        if let commit { return commit }
        let cached = try await Disk.run { try cache.commit(of: revision) }
        if options.isOffline {
            guard let cached else { throw offline(nil) }
            return cached
        }
        do {
            let contents = try await contents(isPatient: false)
            // So that loads of this commit need not ask again. A cache that cannot be written only costs a request.
            try? await Disk.run { try contents.tree.map { try cache.keep($0, of: contents.commit) } }
            return contents.commit
        } catch let error as HubError where error.leavesTheCache {
            guard let cached else { throw error }
            warn(error, commit: cached)
            return cached
        }
    }
}
