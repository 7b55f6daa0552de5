package import SwerveGraph

extension GraphRun {
    /// What the run has come to, as a value to look at.
    package var outcome: Result<Value, any Error>? { isOver ? Result { try result() } : nil }

    package mutating func takeInputs(of node: Int) -> [Value] {
        var inputs: [Value] = []
        takeInputs(of: node) { inputs.append($0) }
        return inputs
    }
}
