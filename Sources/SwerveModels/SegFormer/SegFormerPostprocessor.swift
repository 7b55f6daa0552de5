public import SwerveTensor
internal import SwerveVision

/// Makes the class map from the output of a SegFormer model, as Hugging Face's `post_process_semantic_segmentation`
/// does.
public struct SegFormerPostprocessor: Hashable, Sendable {
    public init() {}

    /// Finds the best class of each pixel.
    ///
    /// The call blocks, for about 230 ms with 150 classes and 1920 x 1080 pixels.
    ///
    /// - Parameters:
    ///   - logits: a `float32` tensor of shape `[1, classes, height, width]` with at most 256 classes.
    ///   - width: the number of columns of the result.
    ///   - height: the number of rows of the result.
    /// - Throws: ``ONNXError`` with code `runFailed` when the tensor has another shape; `TensorError` when it is not
    ///   `float32`; `ImageError` for a size below 1 or too large.
    public func map(logits: Tensor, width: Int, height: Int) throws -> SegmentationMap {
        try logits.withUnsafeElements(as: Float.self) { scores in
            try map(shape: logits.shape, scores: scores, width: width, height: height)
        }
    }

    /// The same for the output of a run on several images, without a copy when it is `float32`.
    func maps(output: ONNXOutput, of images: [Image]) throws -> [SegmentationMap] {
        let shape = [1] + output.shape.dropFirst()
        return try output.withFloats { scores in
            let count = scores.count / images.count
            return try images.enumerated().map { index, image in
                let own = UnsafeBufferPointer(rebasing: scores[index * count..<(index + 1) * count])
                return try map(shape: shape, scores: own, width: image.width, height: image.height)
            }
        }
    }

    private func map(
        shape: [Int],
        scores: UnsafeBufferPointer<Float>,
        width: Int,
        height: Int
    ) throws -> SegmentationMap {
        guard shape.count == 4, shape[0] == 1, (1...256).contains(shape[1]), shape[2] > 0, shape[3] > 0,
            let scores = scores.baseAddress
        else {
            throw ONNXError(.runFailed, "the logits have shape \(shape), not [1, 1 to 256 classes, height, width]")
        }
        try Image.checkSize(width: width, height: height)
        let argmax = UpsampledArgmax(classes: shape[1], height: shape[2], width: shape[3])
        let labels = argmax.labels(of: scores, newWidth: width, newHeight: height)
        return try SegmentationMap(width: width, height: height, labels: labels)
    }
}
