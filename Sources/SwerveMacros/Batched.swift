public import SwerveCore

/// Collects calls with one item each into batches for a method that takes many.
///
/// ```swift
/// @Deployment
/// distributed actor Segmenter {
///     @Batched(maxBatchSize: 32, waitTimeout: .milliseconds(5))
///     func segment(batch images: [Image]) async throws -> [SegmentationMap] {
///         try await model.run(images)
///     }
/// }
///
/// let map = try await segmenter.segment(image)
/// ```
///
/// The actor gets a distributed method with the same name and one item in the place of the parameter labelled `batch`.
/// Callers in other processes, in this one, in graphs and in the actor itself call that one. The method must return one
/// result for each item, in the same order. If it throws, all calls of the batch throw the error. If its result is
/// `[Result<Output, any Error>]`, each call gets its own result or error. Calls with different values for other
/// parameters, which must be `Hashable`, never share a batch.
///
/// A batch closes, and runs as soon as fewer than `maxConcurrentBatches` run, when it is full, when its oldest item has
/// waited for `waitTimeout`, when all requests that the replica has admitted are in batches, or when an item would miss
/// its deadline. Items with earlier deadlines go first. A call that is cancelled, or whose deadline passes, leaves
/// before its batch runs.
///
/// The actor also gets a property such as `segmentBatching`, with which it reads the counters and changes the options
/// while it runs.
///
/// - Parameters:
///   - maxBatchSize: how many items a batch has at most; 32 by default.
///   - waitTimeout: how long an item waits at most for others, while the replica could run its batch; 5 milliseconds by
///     default.
///   - maxConcurrentBatches: how many batches of the method run at a time in one replica; 1 by default.
///   - allowedSizes: the numbers of items that the method accepts, in ascending order; any by default. A batch in between
///     is filled up by repeating its last item, and the results for the repetitions are dropped.
@attached(peer, names: overloaded, suffixed(Batching))
public macro Batched(
    maxBatchSize: Int = 32,
    waitTimeout: Duration = .milliseconds(5),
    maxConcurrentBatches: Int = 1,
    allowedSizes: [Int] = []
) = #externalMacro(module: "SwerveMacrosPlugin", type: "BatchedMacro")

/// Collects calls into batches, with a limit on the sum of the items' sizes.
///
/// ```swift
/// @Batched(maxBatchSize: 64, maxTotalSize: 16_384, size: { (prompt: Prompt) in prompt.tokens.count })
/// func complete(batch prompts: [Prompt]) async throws -> [Completion] { ... }
/// ```
///
/// - Parameters:
///   - maxBatchSize: how many items a batch has at most; 32 by default.
///   - waitTimeout: how long an item waits at most for others, while the replica could run its batch; 5 milliseconds by
///     default.
///   - maxConcurrentBatches: how many batches of the method run at a time in one replica; 1 by default.
///   - maxTotalSize: the limit on the sum of the items' sizes in a batch. A call whose item alone is larger fails with
///     code `tooLarge`.
///   - allowedSizes: the numbers of items that the method accepts, in ascending order; any by default. The items that
///     fill a batch up do not count in its size.
///   - size: the size of an item, such as its tokens or pixels.
@attached(peer, names: overloaded, suffixed(Batching))
public macro Batched<Item>(
    maxBatchSize: Int = 32,
    waitTimeout: Duration = .milliseconds(5),
    maxConcurrentBatches: Int = 1,
    maxTotalSize: Int,
    allowedSizes: [Int] = [],
    size: @escaping @Sendable (Item) -> Int
) = #externalMacro(module: "SwerveMacrosPlugin", type: "BatchedMacro")

/// Collects calls into batches whose options are one value, such as adaptive ones.
///
/// ```swift
/// @Batched(.adaptive(latencyTarget: .milliseconds(50)))
/// func segment(batch images: [Image]) async throws -> [SegmentationMap] { ... }
/// ```
///
/// - Parameter options: evaluated in each replica, when the method is first called.
@attached(peer, names: overloaded, suffixed(Batching))
public macro Batched(_ options: BatchOptions) = #externalMacro(module: "SwerveMacrosPlugin", type: "BatchedMacro")
