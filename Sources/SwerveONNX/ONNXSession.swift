internal import NIOCore
internal import SwerveActors
internal import SwerveSystem
public import SwerveTensor

/// A loaded model, ready to run.
///
/// Any task may start runs; they execute on the session's own threads, never on Swift's cooperative pool. The session
/// is closed when nothing refers to it any more and its last run has finished.
public final class ONNXSession: Sendable {
    /// Where a model comes from.
    public struct Source: Sendable {
        enum Kind {
            case path(String)
            case bytes([UInt8])
        }

        let kind: Kind

        /// A file. Weights in separate files beside it are found.
        public static func path(_ path: String) -> Source { Source(kind: .path(path)) }
        /// The content of a file.
        public static func bytes(_ bytes: [UInt8]) -> Source { Source(kind: .bytes(bytes)) }

        /// The file; nil for content that is in no file.
        var path: String? { if case .path(let path) = kind { path } else { nil } }
    }

    /// The inputs, in the model's order.
    public let inputs: [ONNXPort]
    /// The outputs, in the model's order; or the ones of ``ONNXSessionOptions/outputs``, in that order.
    public let outputs: [ONNXPort]
    /// The axis along which several requests can be joined into one run; see ``ONNXBatchAxis``.
    public let batchAxis: ONNXBatchAxis?
    /// Why there is no ``batchAxis``, for human readers; nil when there is one.
    public let noBatchAxisReason: String?
    /// The provider that runs the model.
    public let provider: ONNXProvider
    /// The providers requested before ``provider``, and why they do not run.
    public let failedProviders: [ONNXProviderFailure]
    /// The library that runs the model and its version, for example `ONNX Runtime 1.32.0`.
    public let engineName: String
    /// How many threads share the work of one operator.
    public let intraOpThreads: Int

    /// How many runs may execute at the same time.
    public let concurrentRuns: Int

    let engine: any Engine
    let thread: BlockingThread

    /// Loads a model. Blocks, for about 100 ms for 15 MB; ``load(_:runtime:options:)`` does not.
    ///
    /// - Parameters:
    ///   - source: the model.
    ///   - runtime: the library that runs it, unless the options name another and it is there.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError`` with code `notFound`, `invalidModel`, `providerUnavailable`, `invalidArgument` or
    ///   `outOfResources`.
    public init(_ source: Source, runtime: ONNXRuntime, options: ONNXSessionOptions = ONNXSessionOptions()) throws {
        try options.validate()
        let options = options.resolved(in: .current)
        // Says what is wrong with the files more clearly than ONNX Runtime would.
        if case .path(let path) = source.kind { _ = try ONNXModelIdentity(path) }
        let opened = try ONNXSession.open(source, runtime: runtime, options: options)
        provider = opened.provider
        failedProviders = opened.failures
        inputs = opened.inputs
        outputs = try ONNXSession.choose(options.outputs, of: opened.outputs)
        (batchAxis, noBatchAxisReason) = ONNXBatchAxis.find(inputs: inputs, outputs: outputs)
        engine = opened.engine
        engineName = engine.name
        intraOpThreads = engine.threads
        concurrentRuns = options.concurrentRuns
        thread = try BlockingThread(count: options.concurrentRuns, queueLimit: options.queueLimit)
    }

    private static func choose(_ names: [String], of outputs: [ONNXPort]) throws -> [ONNXPort] {
        if names.isEmpty { return outputs }
        return try names.map { name in
            guard let port = outputs.first(where: { $0.name == name }) else {
                throw ONNXError(
                    .invalidArgument,
                    "outputs: the model has no output '\(name)'; it has \(outputs.map(\.name).joined(separator: ", "))"
                )
            }
            return port
        }
    }

    /// Loads a model on a separate thread. See ``init(_:runtime:options:)``.
    ///
    /// - Throws: ``ONNXError``; `CancellationError` when the task is cancelled before loading begins.
    public static func load(
        _ source: Source,
        runtime: ONNXRuntime,
        options: ONNXSessionOptions = ONNXSessionOptions()
    ) async throws -> ONNXSession {
        try await BlockingThread(queueLimit: 1).run {
            try ONNXSession(source, runtime: runtime, options: options)
        }
    }

    /// Runs a model whose inputs and outputs are numbers.
    ///
    /// Cancelling the task drops a waiting run, and stops an executing one after its current operator; either way
    /// `CancellationError` is thrown. The bytes of the inputs are used in place.
    ///
    /// - Parameter inputs: one tensor for each of ``inputs``, by name.
    /// - Returns: one tensor for each of ``outputs``, by name.
    /// - Throws: ``ONNXError`` with code `invalidInput`, `unsupportedType`, `queueFull` or `runFailed`;
    ///   `CancellationError`.
    public func run(_ inputs: [String: Tensor]) async throws -> [String: Tensor] {
        try await run(inputs) { outputs in
            try Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, try $0.tensor()) })
        }
    }

    /// Runs a model that has text among its inputs or outputs; otherwise like ``run(_:)``.
    ///
    /// Invalid UTF-8 in an output is repaired.
    ///
    /// - Parameter inputs: one value for each of ``inputs``, by name.
    public func run(values inputs: [String: ONNXValue]) async throws -> [String: ONNXValue] {
        let inputs = try ordered(inputs)
        return try await run(ordered: { inputs }) { outputs in
            try Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, try $0.value()) })
        }
    }

    /// Runs a model that has one input and one output.
    ///
    /// - Throws: like ``run(_:)``, and ``ONNXError`` with code `invalidInput` for any other model.
    public func run(_ input: Tensor) async throws -> Tensor {
        guard inputs.count == 1, outputs.count == 1, let name = inputs.first?.name else {
            throw ONNXError(
                .invalidInput,
                "the model has \(inputs.count) inputs and \(outputs.count) outputs: pass them by name"
            )
        }
        return try await run([name: input]) { try $0[0].tensor() }
    }

    /// Runs the model and passes the outputs, still in the engine's memory, to a closure on the same thread.
    ///
    /// - Parameters:
    ///   - inputs: one tensor for each input, by name; checked before the run waits for a thread.
    ///   - read: gets the outputs in the order of ``outputs``; they are invalid after it returns.
    package func run<Result: Sendable>(
        _ inputs: [String: Tensor],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        let inputs = try ordered(inputs.mapValues { .tensor($0) })
        return try await run(ordered: { inputs }, read: read)
    }

    /// The same for inputs that take time to make: the closure that makes them also runs on the thread.
    package func run<Result: Sendable>(
        preparing inputs: @escaping @Sendable () throws -> [String: Tensor],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        try await run(ordered: { [self] in try ordered(inputs().mapValues { .tensor($0) }) }, read: read)
    }

    private func run<Result: Sendable>(
        ordered inputs: @escaping @Sendable () throws -> [ONNXValue],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        let run = try engine.makeRun()
        return try await thread.run(onCancel: { run.terminate() }) { [outputs] in
            try run.execute(inputs(), outputs: outputs, read: read)
        }
    }

    /// - Throws: ``ONNXError`` with code `invalidInput` when the model does not take the inputs.
    func check(_ inputs: [String: Tensor]) throws {
        _ = try ordered(inputs.mapValues { .tensor($0) })
    }

    /// Checks the inputs and returns them in the model's order.
    private func ordered(_ values: [String: ONNXValue]) throws -> [ONNXValue] {
        guard values.count == inputs.count else {
            throw ONNXError(
                .invalidInput,
                "the model has \(inputs.count) inputs (\(inputs.map(\.name).joined(separator: ", "))), not \(values.count)"
            )
        }
        return try inputs.map { port in
            guard let value = values[port.name] else {
                throw ONNXError(.invalidInput, "input '\(port.name)' is missing")
            }
            try port.check(value)
            return value
        }
    }
}
