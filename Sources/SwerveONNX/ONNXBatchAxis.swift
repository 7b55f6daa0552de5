public import SwerveTensor

/// The axis of each input and output along which requests can be joined into a batch and results split.
///
/// It is found by the names of the dynamic dimensions. When every input and every output has exactly one dimension with
/// the same batch name (`batch`, `batch_size`, `N` and the like), that is the axis. Otherwise the first dimension is
/// the axis, if it is dynamic in all inputs and outputs, has the same name or no name in all of them, and that name
/// neither appears elsewhere nor names a sequence. Nothing else is safe, so there is no axis.
public struct ONNXBatchAxis: Hashable, Sendable, Codable {
    /// The axis of each input, by input name.
    public let inputs: [String: Int]
    /// The axis of each output, by output name.
    public let outputs: [String: Int]

    private static let batchNames: Set<String> = [
        "batch", "batch_size", "batchsize", "batch_dim", "batch_axis", "n", "bs", "b", "nbatch", "num_batch",
        "n_samples",
        "num_samples", "examples", "num_examples",
    ]
    private static let sequenceWords = ["seq", "time", "step", "length", "len", "token", "frame", "height", "width"]

    /// Finds the axes, or the reason why there are none.
    public static func find(inputs: [ONNXPort], outputs: [ONNXPort]) -> (axis: ONNXBatchAxis?, reason: String?) {
        if inputs.isEmpty { return (nil, "the model has no inputs") }
        let ports = inputs + outputs
        if let other = ports.first(where: { $0.elementType == nil }) {
            return (nil, "'\(other.name)' is of type \(other.type)")
        }
        let named = ports.map { port in
            port.dimensions.indices.filter { isBatchName(port.dimensions[$0].name) }
        }
        let names = Set(ports.flatMap { $0.dimensions.compactMap(\.name) }.filter(isBatchName))
        if named.allSatisfy({ $0.count == 1 }), names.count == 1 {
            return (ONNXBatchAxis(inputs, outputs, named.map { $0[0] }), nil)
        }
        if let reason = objection(toFirstAxisOf: ports) { return (nil, reason) }
        return (ONNXBatchAxis(inputs, outputs, ports.map { _ in 0 }), nil)
    }

    private init(_ inputs: [ONNXPort], _ outputs: [ONNXPort], _ axes: [Int]) {
        self.inputs = Dictionary(zip(inputs.map(\.name), axes)) { first, _ in first }
        self.outputs = Dictionary(zip(outputs.map(\.name), axes.dropFirst(inputs.count))) { first, _ in first }
    }

    private static func isBatchName(_ name: String?) -> Bool {
        name.map { batchNames.contains($0.lowercased()) } ?? false
    }

    /// Why the first axis is not a batch axis; nil when it is.
    private static func objection(toFirstAxisOf ports: [ONNXPort]) -> String? {
        if let fixed = ports.first(where: { $0.dimensions.isEmpty || $0.dimensions[0].size != nil }) {
            return "the first dimension of '\(fixed.name)' is not dynamic: \(fixed)"
        }
        let names = Set(ports.map(\.dimensions[0].name))
        guard names.count == 1 else {
            let list = names.map { $0 ?? "?" }.sorted().joined(separator: ", ")
            return "the first dimensions have different names: \(list)"
        }
        guard let name = ports[0].dimensions[0].name else { return nil }
        if let word = sequenceWords.first(where: { name.lowercased().contains($0) }) {
            return "the first dimension '\(name)' has '\(word)' in its name, so it is not a batch"
        }
        if let other = ports.first(where: { $0.dimensions.dropFirst().contains { $0.name == name } }) {
            return "'\(name)' is also another dimension of '\(other.name)'"
        }
        return nil
    }
}

extension ONNXBatchAxis {
    /// Joins the inputs of several requests into one batch.
    ///
    /// - Parameter requests: at least one; each holds the inputs of a run.
    /// - Returns: the inputs of one run, and the batch size of each request.
    /// - Throws: ``TensorError`` when the shapes do not fit together; ``ONNXError`` with code `invalidInput` for an
    ///   input that is missing or does not have the axis, and when the inputs of a request have different batch sizes.
    public func stack(_ requests: [[String: Tensor]]) throws -> (inputs: [String: Tensor], counts: [Int]) {
        var joined: [String: Tensor] = [:]
        var counts: [Int]?
        for (name, axis) in inputs.sorted(by: { $0.key < $1.key }) {
            let parts = try requests.map { request in
                guard let tensor = request[name] else { throw ONNXError(.invalidInput, "input '\(name)' is missing") }
                guard tensor.shape.indices.contains(axis) else {
                    throw ONNXError(.invalidInput, "input '\(name)' of shape \(tensor.shape) has no axis \(axis)")
                }
                return tensor
            }
            let sizes = parts.map { $0.shape[axis] }
            if let counts, counts != sizes {
                throw ONNXError(.invalidInput, "the inputs of a request differ in batch size: \(counts), \(sizes)")
            }
            counts = sizes
            joined[name] = try Tensor.concatenated(parts, axis: axis)
        }
        return (joined, counts ?? [])
    }

    /// Splits the outputs of a run made with ``stack(_:)`` into those of each request.
    ///
    /// - Throws: ``ONNXError`` with code `runFailed` when an output's length differs from the batch's.
    public func split(_ outputs: [String: Tensor], counts: [Int]) throws -> [[String: Tensor]] {
        var results = [[String: Tensor]](repeating: [:], count: counts.count)
        for (name, tensor) in outputs {
            guard let axis = self.outputs[name] else {
                throw ONNXError(.runFailed, "output '\(name)' has no batch axis")
            }
            do {
                for (index, part) in try tensor.split(counts, axis: axis).enumerated() { results[index][name] = part }
            } catch {
                throw ONNXError(
                    .runFailed,
                    "output '\(name)' of \(tensor.shape) cannot be split: \(error.message)"
                )
            }
        }
        return results
    }
}
