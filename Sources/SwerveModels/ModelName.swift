internal import Logging
public import Swerve
public import SwerveHub

/// The name of a model as an argument of a deployment: a path, or a repository on a hub and one of its revisions.
///
/// A branch such as `main` moves. The process that calls `Serve.run` asks the hub for its commit, once for each deploy,
/// and every replica gets that commit, also one that is started much later in the place of a failed one. See
/// `docs/HUB.md` for what happens when the hub does not answer.
///
/// ```swift
/// @Deployment
/// distributed actor Classifier {
///     private let session: ONNXSession
///
///     init(model: ModelName) async throws {
///         session = try await ONNXSession.shared(try await model.folder().modelPath)
///     }
/// }
///
/// let classifier = Classifier.bind(model: "owner/name")
/// ```
public struct ModelName: ResolvedAtDeploy, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The path, or the repository's name, `owner/name`.
    public let text: String
    /// A branch, tag or commit of the repository.
    public let revision: String
    /// The commit that the revision stood for at the deploy; nil for a path, before a deploy, and when neither the hub
    /// nor the cache told.
    public private(set) var commit: String?

    /// - Parameters:
    ///   - text: a path, or a repository's name, `owner/name`; see ``ModelSource``.
    ///   - revision: a branch, tag or commit of the repository; ignored for a path.
    public init(_ text: String, revision: String = "main") {
        self.text = text
        self.revision = revision
    }

    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// What the user wrote, without the revision.
    public var description: String { text }

    /// The name with its commit, from the hub or else from the cache.
    ///
    /// The hub is asked once, for at most `HubLimits.fallbackDeadline`. When neither tells, the name stays as it is, so
    /// that each replica finds the commit itself, with more patience; a warning is logged.
    ///
    /// - Throws: `CancellationError`.
    public func resolved() async throws -> ModelName {
        try await resolved(by: ModelHub())
    }

    package func resolved(by hub: ModelHub) async throws -> ModelName {
        guard commit == nil, let repository = try? ModelSource(text).repository else { return self }
        var result = self
        do {
            // Nothing else: the encoded name is part of what tells whether a deployment has changed.
            result.commit = try await hub.commit(of: repository, revision: revision)
        } catch let error as HubError {
            Logger(label: "swerve.models").warning(
                "the commit of a model is unknown at the deploy; each replica asks for it",
                metadata: ["model": "\(text)", "revision": "\(revision)", "error": "\(error)"]
            )
        }
        return result
    }

    /// The folder of the model with the requested files, which are downloaded unless the cache has them.
    ///
    /// - Throws: like ``ModelSource/resolve(_:revision:commit:files:hub:)``.
    public func folder(files: ModelFiles = ModelFiles(), hub: ModelHub = ModelHub()) async throws -> ModelFolder {
        try await ModelSource.resolve(text, revision: revision, commit: commit, files: files, hub: hub)
    }
}
