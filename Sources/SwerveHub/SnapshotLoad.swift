internal import Logging
internal import SwerveSystem

/// One load of a snapshot: compares the cache with the hub and downloads what is missing.
struct SnapshotLoad: Sendable {
    let repository: String
    let revision: String
    let files: HubFiles
    let options: ModelHubOptions
    private let cache: HubCache

    /// - Throws: ``HubError`` with code `invalidName`.
    init(repository: String, revision: String, files: HubFiles, options: ModelHubOptions) throws(HubError) {
        try HubName.check(repository: repository)
        try HubName.check(revision: revision)
        self.repository = repository
        self.revision = revision
        self.files = files
        self.options = options
        cache = HubCache(options, repository: repository)
    }

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

    private func cached() async throws -> HubCache.Cached? {
        try await Disk.run { try cache.cached(revision, files: files) }
    }

    /// Returns the snapshot if the hub need not or must not be asked; nil if it must be asked.
    func withoutNetwork() async throws -> HubSnapshot? {
        guard options.isOffline || HubName.isCommit(revision) else { return nil }
        let cached = try await cached()
        if let cached, cached.missing.isEmpty, options.isOffline || isKnownToBeWhole(cached) {
            return snapshot(cached.commit, cached.present)
        }
        guard options.isOffline else { return nil }
        throw HubError(.offline, "HF_HUB_OFFLINE is set and \(missing(cached)); load it once without HF_HUB_OFFLINE")
    }

    /// Whether it is certain that no chosen file is missing: all were chosen by name, or a listing was kept.
    private func isKnownToBeWhole(_ cached: HubCache.Cached) -> Bool {
        files.names.count == files.patterns?.count || cache.tree(cached.commit) != nil
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

    func run(_ client: HubClient) async throws -> HubSnapshot {
        let fallback = try await cached().flatMap { $0.missing.isEmpty ? $0 : nil }
        let answer: ListingAnswer
        do {
            // If there is a fallback, a hub that is down must not delay the start.
            answer = try await client.listing(repository, revision: revision, attempts: fallback == nil ? nil : 1)
        } catch let error as HubError where error.leavesTheCache {
            guard let fallback else {
                guard [.unreachable, .timeout].contains(error.code) else { throw error }
                throw HubError(error.code, "\(error.message); \(missing(try await cached()))")
            }
            options.logger.warning(
                "the hub cannot be used; using the cache",
                metadata: ["repository": "\(repository)", "commit": "\(fallback.commit)", "error": "\(error)"]
            )
            return snapshot(fallback.commit, fallback.present)
        }
        let chosen = try choose(answer)
        let missing = try await Disk.run { chosen.filter { !cache.has($0, commit: answer.commit) } }
        if !missing.isEmpty { try await download(missing, commit: answer.commit, client) }
        try await keep(answer)
        return snapshot(answer.commit, chosen.map(\.path))
    }

    private func choose(_ answer: ListingAnswer) throws -> [HubFile] {
        let list = answer.list
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

    /// Records the revision. A cache that cannot be written but has the files is still usable.
    private func keep(_ answer: ListingAnswer) async throws {
        do {
            try await Disk.run { try cache.keep(revision, commit: answer.commit, tree: HubTree(answer)) }
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

    func listing(_ client: HubClient) async throws -> HubListing {
        do {
            let answer = try await client.listing(repository, revision: revision)
            return HubListing(repository: repository, revision: revision, commit: answer.commit, files: answer.list)
        } catch let error as HubError where error.leavesTheCache {
            guard let listing = try? await cachedListing() else { throw error }
            options.logger.warning("the hub cannot be used; using the cache", metadata: ["error": "\(error)"])
            return listing
        }
    }

    /// The cache's listing of a revision: the kept listing, or else the cached files.
    func cachedListing() async throws -> HubListing {
        let found: (commit: String, files: [HubFile])? = try await Disk.run {
            guard let commit = try cache.commit(of: revision) else { return nil }
            if let tree = cache.tree(commit) { return (commit, tree.list) }
            let files = cache.files(commit: commit)
            let sizes = files.map { FileSystem.size(cache.layout.pointer($0, commit: commit)) }
            return files.isEmpty ? nil : (commit, zip(files, sizes).map { HubFile(path: $0, size: $1) })
        }
        guard let found else {
            throw HubError(.offline, "HF_HUB_OFFLINE is set and \(missing(nil)); load it once without HF_HUB_OFFLINE")
        }
        return HubListing(repository: repository, revision: revision, commit: found.commit, files: found.files)
    }
}
