package import Swerve
internal import SwerveTensor
public import SwerveVision

extension SegFormerModel {
    /// Finds the class of each pixel of several images in one run of the model. The maps are those of ``segment(_:)``.
    ///
    /// ```swift
    /// @Batched(maxBatchSize: 4, maxConcurrentBatches: 2)
    /// func segment(batch images: [Image]) async throws -> [Result<SegmentationMap, any Error>] {
    ///     try await model.segment(batch: images)
    /// }
    /// ```
    /// When the run fails, each image runs alone, so that only those fail which cannot run.
    ///
    /// - Parameter images: images of any size, or of the same size if the model does not have them resized.
    /// - Returns: the map of each, in the same order.
    /// - Throws: ``ONNXError`` with code `invalidArgument` for a model without a batch axis, `queueFull`;
    ///   `CancellationError`.
    public func segment(batch images: [Image]) async throws -> [Result<SegmentationMap, any Error>] {
        guard session.batchAxis != nil else { throw session.unbatchable }
        return try await session.alone(images, { try await self.segment($0) }, together: maps)
    }

    /// What images that share a batch have in common: their size, unless they are resized.
    package func batchKey(of image: Image) -> BatchKey {
        configuration.inputSize == nil ? BatchKey(image.width, image.height) : BatchKey()
    }
}
