/// After which runs ONNX Runtime returns memory to the system.
///
/// In the first run with some input shapes, ONNX Runtime allocates piece by piece and notes the sizes; every later run
/// allocates one block for all. Without returning the pieces, both stay: of SegFormer-B0 at 512 x 512, 200 MB for nothing.
package struct RunMemoryPolicy: Sendable {
    /// How many combinations of input shapes are remembered; memory is not returned after further ones.
    package static let maximumShapes = 256

    private enum Rule { case never, afterNewShapes, always }

    private let rule: Rule
    private var known: Set<[[Int]]> = []

    /// - Parameters:
    ///   - memory: the option of the session.
    ///   - isOnCPU: whether the memory of runs is that of the CPU. No other can be returned.
    package init(_ memory: ONNXSessionOptions.RunMemory, isOnCPU: Bool) {
        rule = !isOnCPU ? .never : memory == .kept ? .afterNewShapes : .always
    }

    /// Whether a run with these input shapes, which begins now, returns its memory.
    package func returnsMemory(after shapes: [[Int]]) -> Bool {
        switch rule {
        case .never: false
        case .always: true
        case .afterNewShapes: known.count < RunMemoryPolicy.maximumShapes && !known.contains(shapes)
        }
    }

    /// Notes the shapes of a run that succeeded. Until then, concurrent runs with the same shapes also count as new,
    /// because they allocate piece by piece, too.
    package mutating func note(_ shapes: [[Int]]) {
        if rule == .afterNewShapes, known.count < RunMemoryPolicy.maximumShapes { known.insert(shapes) }
    }
}
