public import SwerveONNX

/// What a model takes and gives, and what runs it.
public struct ONNXSignature: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The model as it was named when it was bound.
    public let model: String
    /// The inputs, in the order of the model.
    public let inputs: [ONNXPort]
    /// The outputs, in the order of the model.
    public let outputs: [ONNXPort]
    /// Where several requests can be put into one run; nil when that is not safe.
    public let batchAxis: ONNXBatchAxis?
    /// Why there is no ``batchAxis``.
    public let noBatchAxisReason: String?
    /// What runs the model, and what was asked for and does not.
    public let provider: ONNXProviderStatus
    /// How many threads share the work of one operator.
    public let intraOpThreads: Int
    /// How many runs of one session execute side by side.
    public let concurrentRuns: Int

    public var description: String {
        "\(model): (\(inputs.map(\.description).joined(separator: ", "))) -> "
            + "(\(outputs.map(\.description).joined(separator: ", ")))"
    }

    /// The signature of a session.
    ///
    /// - Parameter model: what the model is called.
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
