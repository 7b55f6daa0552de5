internal import SwerveActors
internal import SwerveCore
internal import Synchronization

extension ONNXSession {
    /// Returns the session of a model file that the whole process shares, so that in-process replicas of a deployment
    /// hold one copy of its weights.
    ///
    /// The same unchanged model with the same options gives the same object as long as someone holds it; callers that
    /// ask while it is being loaded wait for it. A model is another one when its file or one of the files with its
    /// weights was replaced. For in-process replicas, the threads, concurrent runs and queue are
    /// sized for all replicas of the deployment together. A replica that reserves GPUs shares with no other.
    ///
    /// - Parameters:
    ///   - path: the model file.
    ///   - runtime: the library that runs it; by default the one found on this machine.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError``, see ``init(_:runtime:options:)``.
    public static func shared(
        _ path: String,
        runtime: ONNXRuntime? = nil,
        options: ONNXSessionOptions = ONNXSessionOptions()
    ) async throws -> ONNXSession {
        let runtime = try runtime ?? ONNXRuntime.load()
        try options.validate()
        let options = options.pooled(in: .current)
        let owner = ReplicaContext.current.flatMap { $0.gpus.isEmpty ? nil : $0.replica }
        for _ in 0..<maximumTries {
            let model = try await identity(path)
            let key = SharedSessions.Key(model: model, runtime: runtime.path, options: options, owner: owner)
            do {
                return try await SharedSessions.all.session(key) {
                    // The options already include the context.
                    let session = try await ReplicaContext.$current.withValue(nil) {
                        try await load(.path(path), runtime: runtime, options: options)
                    }
                    guard try await identity(path) == model else { throw ModelChanged() }
                    return session
                }
            } catch is ModelChanged {}
        }
        throw ONNXError(
            .invalidModel,
            "the files of \(path) changed \(maximumTries) times while they were read: replace a model by a new folder"
        )
    }

    /// How often to load a model whose files change meanwhile.
    private static let maximumTries = 3

    private static func identity(_ path: String) async throws -> ONNXModelIdentity {
        try await BlockingThread(queueLimit: 1).run { try ONNXModelIdentity(path) }
    }
}

/// The files of a model were replaced while it was loaded, so nobody knows which ones the session has.
private struct ModelChanged: Error {}

/// The sessions of this process, by model and options.
final class SharedSessions: Sendable {
    struct Key: Hashable, Sendable {
        var model: ONNXModelIdentity
        var runtime: String
        var options: ONNXSessionOptions
        /// The only replica that may have it, if its limits are those of one.
        var owner: ReplicaID?
    }

    private enum Entry {
        case loading(Task<ONNXSession, any Error>)
        case loaded(WeakSession)
    }

    private struct WeakSession {
        weak var session: ONNXSession?
    }

    static let all = SharedSessions()

    private let entries = Mutex<[Key: Entry]>([:])

    /// Returns the session that exists or is being loaded, or else the one that `load` makes.
    ///
    /// A cancelled caller keeps waiting, because others need the load that it began.
    func session(
        _ key: Key,
        load: @escaping @Sendable () async throws -> ONNXSession
    ) async throws -> ONNXSession {
        let found: (session: ONNXSession?, task: Task<ONNXSession, any Error>?) = entries.withLock { entries in
            switch entries[key] {
            case .loading(let task): return (nil, task)
            case .loaded(let weak): if let session = weak.session { return (session, nil) }
            case nil: break
            }
            // Unstructured, because others need it after the caller that began it is gone.
            let task = Task {
                do {
                    let session = try await load()
                    self.finish(key, session)
                    return session
                } catch {
                    self.finish(key, nil)
                    throw error
                }
            }
            entries[key] = .loading(task)
            return (nil, task)
        }
        if let session = found.session { return session }
        guard let task = found.task else { preconditionFailure("a session exists or is being loaded") }
        return try await task.value
    }

    private func finish(_ key: Key, _ session: ONNXSession?) {
        entries.withLock { entries in
            entries = entries.filter { entry in
                if case .loaded(let weak) = entry.value { weak.session != nil } else { true }
            }
            entries[key] = session.map { .loaded(WeakSession(session: $0)) }
        }
    }
}
