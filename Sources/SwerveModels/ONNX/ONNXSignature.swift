public import SwerveONNX

/// A model's inputs and outputs, and what runs it.
public struct ONNXSignature: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The name that was given to `bind`.
    public let model: String
    /// The inputs, in the model's order.
    public let inputs: [ONNXPort]
    /// The outputs, in the model's order.
    public let outputs: [ONNXPort]
    /// The axis along which several requests can be joined into one run; nil when that is not safe.
    public let batchAxis: ONNXBatchAxis?
    /// Why there is no ``batchAxis``.
    public let noBatchAxisReason: String?
    /// The provider that runs the model, and the requested ones that do not.
    public let provider: ONNXProviderStatus
    /// How many threads share the work of one operator.
    public let intraOpThreads: Int
    /// How many runs of one session execute at the same time.
    public let concurrentRuns: Int

    public var description: String {
        "\(model): (\(inputs.map(\.description).joined(separator: ", "))) -> "
            + "(\(outputs.map(\.description).joined(separator: ", ")))"
    }

    /// The signature of a session.
    ///
    /// - Parameter model: the name of the model.
    public init(model: String, session: ONNXSession) {
        self.model = model
        inputs = session.inputs
        outputs = session.outputs
        batchAxis = session.batchAxis
        noBatchAxisReason = session.noBatchAxisReason
        provider = session.providerStatus
        intraOpThreads = session.intraOpThreads
        concurrentRuns = session.concurrentRuns
    }
}
