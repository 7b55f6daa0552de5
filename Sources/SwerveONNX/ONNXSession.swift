internal import CONNXRuntime
internal import NIOCore
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
    /// The outputs, in the order of the model.
    public let outputs: [ONNXPort]
    /// The provider that runs the model.
    public let provider: ONNXProvider
    /// The providers that were asked for before ``provider``, and why they do not run.
    public let failedProviders: [ONNXProviderFailure]

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
        outputs = (0..<onnxrt_session_port_count(pointer, false)).map {
            ONNXPort(session: pointer, isInput: false, index: $0)
        }
        handle = opened.handle
        thread = try BlockingThread(count: options.concurrentRuns, queueLimit: options.queueLimit)
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

    /// Runs the model.
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

    /// Runs the model and hands the outputs, still in the memory of ONNX Runtime, to a closure on the same thread.
    ///
    /// - Parameters:
    ///   - inputs: one tensor for each input, by its name; checked before the run waits for a thread.
    ///   - read: gets the outputs in the order of the model; they are gone when it returns.
    package func run<Result: Sendable>(
        _ inputs: [String: Tensor],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        let tensors = try ordered(inputs)
        return try await run(ordered: { tensors }, read: read)
    }

    /// The same with inputs that take time to make: they, too, are made on the thread.
    package func run<Result: Sendable>(
        preparing inputs: @escaping @Sendable () throws -> [String: Tensor],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        try await run(ordered: { [self] in try ordered(inputs()) }, read: read)
    }

    private func run<Result: Sendable>(
        ordered inputs: @escaping @Sendable () throws -> [Tensor],
        read: @escaping @Sendable ([ONNXOutput]) throws -> Result
    ) async throws -> Result {
        let run = try RunHandle(library: handle.library)
        return try await thread.run(onCancel: run.terminate) { [self] in
            try ONNXRun(session: self, run: run).execute(inputs(), read: read)
        }
    }

    /// The inputs in the order of the model, after checking them.
    private func ordered(_ tensors: [String: Tensor]) throws -> [Tensor] {
        guard tensors.count == inputs.count else {
            throw ONNXError(
                .invalidInput,
                "the model has \(inputs.count) inputs (\(inputs.map(\.name).joined(separator: ", "))), not \(tensors.count)"
            )
        }
        return try inputs.map { port in
            guard let tensor = tensors[port.name] else {
                throw ONNXError(.invalidInput, "input '\(port.name)' is missing")
            }
            try port.check(tensor)
            return tensor
        }
    }
}
