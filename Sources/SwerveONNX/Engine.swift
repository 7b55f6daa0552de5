/// What executes a loaded model: ONNX Runtime or OpenVINO.
///
/// A session finds the ports, checks inputs and owns the threads; an engine gets values that fit the model.
protocol Engine: Sendable {
    /// The library and its version, for example `ONNX Runtime 1.32.0`.
    var name: String { get }
    /// How many threads share the work of one operator.
    var threads: Int { get }

    /// Makes a run that has not begun.
    ///
    /// - Throws: ``ONNXError`` with code `outOfResources`.
    func makeRun() throws -> any EngineRun
}

/// One execution of a model, which another thread can stop.
protocol EngineRun: Sendable {
    /// Executes on the calling thread, at most once.
    ///
    /// - Parameters:
    ///   - inputs: in the order of the model's inputs, already checked.
    ///   - outputs: the outputs to compute.
    ///   - read: gets the outputs in that order; they are invalid after it returns.
    /// - Throws: ``ONNXError`` with code `invalidInput`, `unsupportedType` or `runFailed`; `CancellationError` when the
    ///   run was stopped; what `read` throws.
    func execute<Result>(
        _ inputs: [ONNXValue],
        outputs: [ONNXPort],
        read: ([ONNXOutput]) throws -> Result
    ) throws -> Result

    /// Makes the run end soon, even one that has not begun. Callable from any thread, at any time.
    func terminate()
}
