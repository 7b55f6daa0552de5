internal import NIOCore
public import SwerveTensor

extension Image {
    /// Makes an image from an array, as Pillow's `Image.fromarray` does.
    ///
    /// - Parameter array: `uint8` of shape `[height, width]`, or `[height, width, channels]` with 1, 3 or 4 channels
    ///   (grey, RGB, RGBA).
    /// - Throws: ``ImageError`` with code `invalidArgument` for an array that is not a picture, `tooLarge` for more than
    ///   ``maximumPixels``.
    public init(array: Tensor) throws(ImageError) {
        let (width, height, channels) = try Image.dimensions(of: array)
        let pixels = Array(array.bytes.readableBytesView)
        try self.init(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// The pixels as an array, as `numpy.asarray(image)` gives them: `uint8` of shape `[height, width]` for grey,
    /// otherwise `[height, width, channels]`.
    ///
    /// - Throws: ``ImageError`` with code `tooLarge` when the array would take more than 4 GiB, the most that a tensor
    ///   can hold.
    public func array() throws(ImageError) -> Tensor {
        do {
            let shape = channels == 1 ? [height, width] : [height, width, channels]
            return try Tensor(shape: shape, values: pixels)
        } catch {
            throw ImageError(.tooLarge, error.message)
        }
    }

    /// - Throws: ``ImageError`` with code `invalidArgument` when the array has another type or number of dimensions than
    ///   a picture.
    static func dimensions(of array: Tensor) throws(ImageError) -> (width: Int, height: Int, channels: Int) {
        let shape = array.shape
        guard array.elementType == .uint8, shape.count == 2 || shape.count == 3 else {
            throw ImageError(
                .invalidArgument,
                "a picture is an array of uint8 of shape [height, width] or [height, width, channels], not "
                    + "\(array.elementType) of \(shape)"
            )
        }
        return (shape[1], shape[0], shape.count == 3 ? shape[2] : 1)
    }
}
