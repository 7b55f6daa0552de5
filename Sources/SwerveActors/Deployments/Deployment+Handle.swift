internal import Distributed
public import SwerveCore

/// What one replica answered to a call that all replicas got.
public struct BroadcastAnswer<Value: Sendable>: Sendable {
    public var replica: ReplicaID
    public var result: Result<Value, any Error>
}

extension Deployment {
    /// Makes a call to every replica that takes requests now, at the same time, and waits for all answers.
    ///
    /// ```swift
    /// for answer in await cache.broadcast({ try await $0.clear() }) { _ = try answer.result.get() }
    /// ```
    /// A replica that is full gets the call as soon as one of its requests has ended. A call to a replica that ends
    /// fails with code `replicaLost`; it is not made again. Replicas that start later do not get it.
    ///
    /// - Parameter call: gets a handle of one replica, with the options of this handle.
    /// - Returns: an answer for each replica, in the order of their numbers; none if the deployment does not run.
    public nonisolated func broadcast<Value: Sendable>(
        _ call: @escaping @Sendable (Self) async throws -> Value
    ) async -> [BroadcastAnswer<Value>] {
        guard case .pool(let pool) = id.target else { return [] }
        let handles = pool.replicas.map { replica in
            var options = id.callOptions ?? CallOptions()
            options.replica = replica
            let handle: Self = actorSystem.reference(ServeID(id.target, callOptions: options))
            return (replica, handle)
        }
        return await withTaskGroup(of: BroadcastAnswer<Value>.self) { group in
            for (replica, handle) in handles {
                group.addTask {
                    do {
                        return BroadcastAnswer(replica: replica, result: .success(try await call(handle)))
                    } catch {
                        return BroadcastAnswer(replica: replica, result: .failure(error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.replica < $1.replica }
        }
    }

    /// What `print` shows of a handle: what it names, how it is loaded as far as this process knows, and its options.
    public nonisolated var debugDescription: String {
        switch id.target {
        case .pool(let pool):
            let load = pool.load
            let counts = "\(load.replicas) replicas, \(load.ongoing) ongoing, \(load.queued) queued"
            return "\(Self.self) handle of \(pool.id) (\(counts))\(id.callOptions?.words ?? "")"
        case .bound, .local, .mistaken: return "\(Self.self): \(id)"
        }
    }
}
