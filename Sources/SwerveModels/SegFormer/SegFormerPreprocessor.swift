public import SwerveTensor
public import SwerveVision

/// Makes the input of a SegFormer model from an image. Each number equals that of Hugging Face's
/// `SegformerImageProcessor` (the one based on Pillow).
public struct SegFormerPreprocessor: Hashable, Sendable {
    /// How to prepare images.
    public let configuration: SegFormerConfiguration

    public init(_ configuration: SegFormerConfiguration) {
        self.configuration = configuration
    }

    /// Converts the image to a `float32` tensor of shape `[1, 3, height, width]`.
    ///
    /// Images are converted to RGB and resized without keeping the aspect ratio. The call blocks, for about 8 ms with
    /// 1920 x 1080 pixels.
    ///
    /// - Throws: ``ImageError`` with code `tooLarge` when the image is not resized and is too large for a tensor.
    public func tensor(of image: Image) throws -> Tensor {
        var image = image.converted(to: .rgb)
        if let size = configuration.inputSize {
            image = try image.resized(width: size.width, height: size.height, filter: configuration.filter)
        }
        return try image.normalized(configuration.normalization)
    }
}
