package import SwerveGraph

extension GraphRun {
    /// The outcome of the run; `nil` while it is not over.
    package var outcome: Result<Value, any Error>? { isOver ? Result { try result() } : nil }

    package mutating func takeInputs(of node: Int) -> [Value] {
        var inputs: [Value] = []
        takeInputs(of: node) { inputs.append($0) }
        return inputs
    }
}
