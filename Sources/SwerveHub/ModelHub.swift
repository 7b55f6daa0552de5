/// Loads models from the Hugging Face hub, or a compatible one, into the cache that `huggingface_hub` also uses.
///
/// ```swift
/// let snapshot = try await ModelHub.load("nvidia/segformer-b0-finetuned-ade-512-512", files: ["*.json"])
/// ```
///
/// Cached files are not requested again. A file is downloaded once, no matter how many tasks and processes load it at
/// the same time. A load that is cancelled or killed leaves a working cache, and the next load continues where it
/// stopped. See `docs/HUB.md` for the environment variables, limits and errors.
public struct ModelHub: Sendable {
    private let network: HubNetwork

    /// - Parameter options: from the environment by default.
    public init(_ options: ModelHubOptions = ModelHubOptions()) {
        self.init(options) { try await Task.sleep(for: $0) }
    }

    /// - Parameters:
    ///   - sleep: waits between tries of requests and of locks.
    ///   - timer: waits until ``HubLimits/fallbackDeadline`` is over.
    package init(
        _ options: ModelHubOptions,
        sleep: @escaping Sleep,
        timer: @escaping Sleep = { try await Task.sleep(for: $0) }
    ) {
        network = HubNetwork(options: options, sleep: sleep, timer: timer)
    }

    /// Loads files of a repository with the options from the environment.
    ///
    /// - Throws: ``HubError``, or `CancellationError`.
    public static func load(
        _ repository: String,
        revision: String = "main",
        files: HubFiles = .all
    ) async throws -> HubSnapshot {
        try await ModelHub().load(repository, revision: revision, files: files)
    }

    /// Loads files of a repository.
    ///
    /// Asks the hub for the commit of the revision, unless the commit is known and its files are all cached. If the
    /// cache has the files, the hub is asked only once; when it does not answer within
    /// ``HubLimits/fallbackDeadline``, fails or denies access, the cached files are used and a warning is logged.
    ///
    /// - Parameters:
    ///   - repository: `owner/name`.
    ///   - revision: a branch, a tag, a commit or `refs/pr/1`.
    ///   - commit: the commit that the revision stands for, if it was found before, see ``commit(of:revision:)``.
    ///   - files: which files to load.
    /// - Throws: ``HubError``, or `CancellationError`.
    public func load(
        _ repository: String,
        revision: String = "main",
        commit: String? = nil,
        files: HubFiles = .all
    ) async throws -> HubSnapshot {
        try await load(repository, revision: revision, commit: commit, isFree: false) { _ in files }
    }

    /// Loads the files that a closure chooses among those of the revision.
    ///
    /// - Parameters:
    ///   - choose: gets the hub's listing, or the cache's, and may be called for both.
    /// - Throws: ``HubError``, `CancellationError`, or what `choose` throws.
    public func load(
        _ repository: String,
        revision: String = "main",
        commit: String? = nil,
        choosing choose: @escaping @Sendable (HubListing) throws -> HubFiles
    ) async throws -> HubSnapshot {
        try await load(repository, revision: revision, commit: commit, isFree: true, choose)
    }

    private func load(
        _ repository: String,
        revision: String,
        commit: String?,
        isFree: Bool,
        _ choose: @escaping @Sendable (HubListing) throws -> HubFiles
    ) async throws -> HubSnapshot {
        let load = try SnapshotLoad(repository: repository, revision: revision, commit: commit, network: network)
        return try await load.run(choose, isFree: isFree)
    }

    /// Lists the files of a revision: from the hub, or from the cache when offline or when the hub cannot be used.
    ///
    /// - Throws: ``HubError``, or `CancellationError`.
    public func list(_ repository: String, revision: String = "main") async throws -> HubListing {
        try await SnapshotLoad(repository: repository, revision: revision, network: network).listing()
    }

    /// The commit that a revision stands for now.
    ///
    /// The hub is asked once, for at most ``HubLimits/fallbackDeadline``. When it cannot be used, the commit is the one
    /// that the cache has for the revision, and a warning is logged.
    ///
    /// - Throws: ``HubError`` when neither tells, or `CancellationError`.
    public func commit(of repository: String, revision: String = "main") async throws -> String {
        try await SnapshotLoad(repository: repository, revision: revision, network: network).currentCommit()
    }
}
