package import Swerve
package import SwerveONNX

/// The batches of a model's deployment.
package struct ModelBatching: Sendable {
    let options: BatchOptions

    /// - Parameters:
    ///   - options: what the deployment was given. Without a latency target at least as many batches run at a time as the
    ///     session has concurrent runs: one batch is prepared while the model works on another.
    ///   - context: the replica's.
    /// - Throws: ``ServeError`` with code `invalidOptions`; ``ONNXError`` with code `invalidArgument` for a model without a
    ///   batch axis.
    package init?(
        _ options: BatchOptions?,
        of session: ONNXSession,
        in context: ReplicaContext? = .current
    ) throws {
        guard var options else { return nil }
        if options.latencyTarget == nil {
            options.maxConcurrentBatches = max(options.maxConcurrentBatches, session.concurrentRuns)
        }
        if let problem = options.problem ?? context?.options.problem(with: options) {
            throw ServeError(.invalidOptions, "batching: \(problem)")
        }
        guard session.batchAxis != nil else { throw session.unbatchable }
        self.options = options
    }

    /// The numbers of items to run the model with before the replica is ready.
    static func warmUpSizes(_ options: BatchOptions?) -> [Int] { Set([1] + (options?.allowedSizes ?? [])).sorted() }
}
