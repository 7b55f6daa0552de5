internal import CONNXRuntime
internal import NIOCore
internal import SwerveActors
public import SwerveTensor

/// A loaded model, ready to run.
///
/// Runs may be started from any task; they execute on threads of the session, never on Swift's cooperative pool. The
/// session is closed when nothing refers to it any more and its last run is over.
public final class ONNXSession: Sendable {
    /// Where a model comes from.
    public struct Source: Sendable {
        enum Kind {
            case path(String)
            case bytes([UInt8])
        }

        let kind: Kind

        /// A file. Weights that it keeps in files beside it are found.
        public static func path(_ path: String) -> Source { Source(kind: .path(path)) }
        /// The content of a file.
        public static func bytes(_ bytes: [UInt8]) -> Source { Source(kind: .bytes(bytes)) }
    }

    /// The inputs, in the order of the model.
    public let inputs: [ONNXPort]
    /// The outputs, in the order of the model; with ``ONNXSessionOptions/outputs`` those, in that order.
    public let outputs: [ONNXPort]
    /// Where several inputs can be put into one run; see ``ONNXBatchAxis``.
    public let batchAxis: ONNXBatchAxis?
    /// Why there is no ``batchAxis``, for people; nil when there is one.
    public let noBatchAxisReason: String?
    /// The provider that runs the model.
    public let provider: ONNXProvider
    /// The providers that were asked for before ``provider``, and why they do not run.
    public let failedProviders: [ONNXProviderFailure]
    /// How many threads share the work of one operator.
    public let intraOpThreads: Int

    /// How many runs may execute side by side.
    public let concurrentRuns: Int

    let handle: SessionHandle
    let thread: BlockingThread

    /// Loads a model. Blocks, some 100 ms for 15 MB; ``load(_:runtime:options:)`` does not.
    ///
    /// - Parameters:
    ///   - source: the model.
    ///   - runtime: the library that runs it.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError`` with code `notFound`, `invalidModel`, `providerUnavailable`, `invalidArgument` or
    ///   `outOfResources`.
    public init(_ source: Source, runtime: ONNXRuntime, options: ONNXSessionOptions = ONNXSessionOptions()) throws {
        try options.validate()
        let options = options.resolved(in: .current)
        if case .path(let path) = source.kind, !Files.isFile(path) {
            throw ONNXError(.notFound, "there is no model file at \(path)")
        }
        let opened = try ONNXSession.open(source, runtime: runtime, options: options)
        let pointer = opened.handle.pointer
        provider = opened.provider
        failedProviders = opened.failures
        inputs = (0..<onnxrt_session_port_count(pointer, true)).map {
            ONNXPort(session: pointer, isInput: true, index: $0)
        }
        let allOutputs = (0..<onnxrt_session_port_count(pointer, false)).map {
            ONNXPort(session: pointer, isInput: false, index: $0)
        }
        outputs = try ONNXSession.choose(options.outputs, of: allOutputs)
        (batchAxis, noBatchAxisReason) = ONNXBatchAxis.find(inputs: inputs, outputs: outputs)
        intraOpThreads = options.intraOpThreads
        concurrentRuns = options.concurrentRuns
        handle = opened.handle
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

    /// Loads a model on a thread of its own. See ``init(_:runtime:options:)``.
    ///
    /// - Throws: ``ONNXError``; `CancellationError` when the task is cancelled before the loading begins.
    public static func load(
        _ source: Source,
        runtime: ONNXRuntime,
        options: ONNXSessionOptions = ONNXSessionOptions()
    ) async throws -> ONNXSession {
        try await BlockingThread(queueLimit: 1).run {
            try ONNXSession(source, runtime: runtime, options: options)
        }
    }

    /// Runs a model of numbers.
    ///
    /// Cancelling the task drops a run that waits, and stops one that executes after the operator that it is at; either
    /// way `CancellationError` is thrown. The bytes of the inputs are used in place.
    ///
    /// - Parameter inputs: one tensor for each of ``inputs``, by its name.
    /// - Returns: one tensor for each of ``outputs``, by its name.
    /// - Throws: ``ONNXError`` with code `invalidInput`, `unsupportedType`, `queueFull` or `runFailed`;
    ///   `CancellationError`.
    public func run(_ inputs: [String: Tensor]) async throws -> [String: Tensor] {
        try await run(inputs) { outputs in
            try Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, try $0.tensor()) })
        }
    }

    /// Runs a model that has text among its inputs or outputs; otherwise like ``run(_:)``.
    ///
    /// Text of an output that is not UTF-8 is repaired.
    ///
    /// - Parameter inputs: one value for each of ``inputs``, by its name.
    public func run(values inputs: [String: ONNXValue]) async throws -> [String: ONNXValue] {
        let inputs = try ordered(inputs)
        return try await run(ordered: { inputs }) { outputs in
            try Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, try $0.value()) })
        }
    }

    /// Runs a model that has one input and one output.
    ///
    /// - Throws: like ``run(_:)``, and ``ONNXError`` with code `invalidInput` for a model of another form.
    public func run(_ input: Tensor) async throws -> Tensor {
        guard inputs.count == 1, outputs.count == 1, let name = inputs.first?.name else {
            throw ONNXError(
                .invalidInput,
                "the model has \(inputs.count) inputs and \(outputs.count) outputs: name them"
            )
        }
        return try await run([name: input]) { try $0[0].tensor() }
    }

    /// Runs the model and hands the outputs, still in the memory of ONNX Runtime, to a closure on the same thread.
    ///
    /// - Parameters:
    ///   - inputs: one tensor for each input, by its name; checked before the run waits for a thread.
    ///   - read: gets the outputs in the order of the model; they are gone when it returns.
    package func run<Result: Sendable>(
        _ inputs: [String: Tensor],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        let inputs = try ordered(inputs.mapValues { .tensor($0) })
        return try await run(ordered: { inputs }, read: read)
    }

    /// The same with inputs that take time to make: they, too, are made on the thread.
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
        let run = try RunHandle(library: handle.library)
        return try await thread.run(onCancel: run.terminate) { [self] in
            try ONNXRun(session: self, run: run).execute(inputs(), read: read)
        }
    }

    /// The inputs in the order of the model, after checking them.
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
