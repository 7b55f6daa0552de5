internal import AsyncHTTPClient
internal import Logging
internal import NIOPosix

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
    private let options: ModelHubOptions
    private let sleep: Sleep

    /// - Parameter options: from the environment by default.
    public init(_ options: ModelHubOptions = ModelHubOptions()) {
        self.init(options) { try await Task.sleep(for: $0) }
    }

    /// - Parameter sleep: waits between tries of requests and of locks.
    package init(_ options: ModelHubOptions, sleep: @escaping Sleep) {
        self.options = options
        self.sleep = sleep
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
    /// Asks the hub for the commit of the revision, unless the revision is a commit whose files are all cached. If the
    /// hub cannot be reached or denies access and the cache has the files, they are used and a warning is logged.
    ///
    /// - Parameters:
    ///   - repository: `owner/name`.
    ///   - revision: a branch, a tag, a commit or `refs/pr/1`.
    ///   - files: which files to load.
    /// - Throws: ``HubError``, or `CancellationError`.
    public func load(
        _ repository: String,
        revision: String = "main",
        files: HubFiles = .all
    ) async throws -> HubSnapshot {
        let load = try SnapshotLoad(repository: repository, revision: revision, files: files, options: options)
        if let snapshot = try await load.withoutNetwork() { return snapshot }
        return try await withClient { client in try await load.run(client) }
    }

    /// Lists the files of a revision: from the hub, or from the cache when offline or when the hub cannot be reached.
    ///
    /// - Throws: ``HubError``, or `CancellationError`.
    public func list(_ repository: String, revision: String = "main") async throws -> HubListing {
        let load = try SnapshotLoad(repository: repository, revision: revision, files: .all, options: options)
        if options.isOffline { return try await load.cachedListing() }
        return try await withClient { client in try await load.listing(client) }
    }

    private func withClient<Result: Sendable>(_ body: (HubClient) async throws -> Result) async throws -> Result {
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(HTTPClient.defaultEventLoopGroup),
            configuration: HubClient.configuration(options.limits)
        )
        let result: Result
        do {
            result = try await body(try HubClient(http, options: options, sleep: sleep))
        } catch {
            try? await http.shutdown()
            throw error
        }
        try? await http.shutdown()
        return result
    }
}
