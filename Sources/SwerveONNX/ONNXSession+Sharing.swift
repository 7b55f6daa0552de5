internal import SwerveActors
internal import Synchronization

extension ONNXSession {
    /// The session of a model file that everybody in this process shares: in-process replicas of a deployment hold one
    /// copy of its weights.
    ///
    /// The same file, unchanged, with the same options gives the same object as long as somebody holds it; those who ask
    /// while it is loaded wait for it. For a replica in this process, threads, concurrent runs and the queue are those of
    /// all replicas of its deployment together.
    ///
    /// - Parameters:
    ///   - path: the model file.
    ///   - runtime: the library that runs it; the one found on this machine unless said otherwise.
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
        guard let file = Files.identity(of: path) else {
            throw ONNXError(.notFound, "there is no model file at \(path)")
        }
        return try await SharedSessions.all.session(.init(file: file, runtime: runtime.path, options: options)) {
            // The context is in the options already.
            try await ReplicaContext.$current.withValue(nil) {
                try await load(.path(path), runtime: runtime, options: options)
            }
        }
    }
}

/// The sessions of this process by their file and options.
final class SharedSessions: Sendable {
    struct Key: Hashable, Sendable {
        var file: Files.Identity
        var runtime: String
        var options: ONNXSessionOptions
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

    /// The session that there is, or that is being loaded, or that `load` makes.
    ///
    /// A caller that is cancelled waits on: the others need what it began.
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
            // Unstructured: it outlives the caller that began it, for the others.
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
        guard let task = found.task else { preconditionFailure("a session is there or is loaded") }
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
