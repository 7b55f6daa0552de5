internal import Distributed
public import SwerveCore

/// For code that `@Batched` generates.
public enum BatchedCall {
    /// Waits for the result of the batch that the item will be in.
    ///
    /// - Parameters:
    ///   - method: the full name of the user's method.
    ///   - key: what all items of a batch share.
    ///   - run: calls the user's method.
    public static func _run<Act: Deployment, Item: Sendable, Output: Sendable>(
        _ method: String,
        on actor: isolated Act,
        _ options: @autoclosure () -> BatchOptions,
        _ item: Item,
        key: BatchKey,
        size: (Item) -> Int = { _ in 1 },
        _ run: @escaping @Sendable (isolated Act, [Item]) async throws -> [Result<Output, any Error>]
    ) async throws -> Output {
        guard case .local(let identity) = actor.id.target else {
            preconditionFailure("a method runs only on a local actor")
        }
        let table = identity.batches
        // Calls for different models never share a batch.
        let key = Act._multiplexing == nil ? key : key.adding(ServeContext.current?.modelID)
        let batcher = table.batcher(method) { changed, metrics in
            Batcher<Act, Item, Output>(method, table, clock: actor.actorSystem.clock, changed ?? options(), metrics)
        }
        return try await batcher.call(item, key: key, size: size(item), on: actor, run)
    }

    /// The same for a method that fails or succeeds as a whole.
    public static func _run<Act: Deployment, Item: Sendable, Output: Sendable>(
        _ method: String,
        on actor: isolated Act,
        _ options: @autoclosure () -> BatchOptions,
        _ item: Item,
        key: BatchKey,
        size: (Item) -> Int = { _ in 1 },
        _ run: @escaping @Sendable (isolated Act, [Item]) async throws -> [Output]
    ) async throws -> Output {
        try await _run(method, on: actor, options(), item, key: key, size: size) { actor, items in
            try await run(actor, items).map { .success($0) }
        }
    }
}
