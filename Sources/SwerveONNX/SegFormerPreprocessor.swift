public import SwerveTensor
public import SwerveVision

/// Makes the input of a SegFormer model from an image, number by number as Hugging Face's `SegformerImageProcessor`
/// (the one on Pillow) does.
public struct SegFormerPreprocessor: Hashable, Sendable {
    /// How images are prepared.
    public let configuration: SegFormerConfiguration

    public init(_ configuration: SegFormerConfiguration) {
        self.configuration = configuration
    }

    /// The image as a `float32` tensor of the shape `[1, 3, height, width]`.
    ///
    /// Images are brought to RGB and resized without keeping the aspect ratio. The call blocks, some 8 ms for 1920 x 1080.
    ///
    /// - Throws: ``ImageError`` with code `tooLarge` when the image is left at a size that no tensor can hold.
    public func tensor(of image: Image) throws -> Tensor {
        var image = image.converted(to: .rgb)
        if let size = configuration.inputSize {
            image = try image.resized(width: size.width, height: size.height, filter: configuration.filter)
        }
        return try image.normalized(configuration.normalization)
    }
}
