internal import SwerveTensor

extension SegFormerModel {
    /// Runs the model once on zeros of the size to which pictures are resized, so that the first picture is as fast as
    /// later ones: engines plan the memory for a size, or compile for it, in the first run.
    ///
    /// Does nothing for a model whose pictures are not resized.
    ///
    /// - Throws: ``ONNXError`` with code `runFailed` when the model does not take that size.
    public func warmUp() async throws { try await warmUp(count: 1) }

    /// The same for a batch of so many pictures.
    func warmUp(count: Int) async throws {
        guard let size = configuration.inputSize else { return }
        let shape = [count, 3, size.height, size.width]
        _ = try await logits(of: Tensor(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *))))
    }
}
