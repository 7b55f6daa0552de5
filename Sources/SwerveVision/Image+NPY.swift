public import NIOCore
internal import SwerveTensor

extension Image {
    /// Reads a NumPy `.npy` file that holds a picture: `uint8` of shape `[height, width]`, or
    /// `[height, width, channels]` with 1, 3 or 4 channels (grey, RGB, RGBA).
    ///
    /// - Parameters:
    ///   - file: the whole file.
    ///   - limits: checked against the header; `maximumScans` does not apply.
    /// - Throws: ``ImageError`` with code `tooLarge` above a limit, `invalidArgument` for an array that is not a
    ///   picture, `corrupt` for a file that cannot be read.
    public init(npy file: ByteBuffer, limits: ImageLimits = ImageLimits()) throws(ImageError) {
        guard file.readableBytes <= limits.maximumFileBytes else {
            throw ImageError(
                .tooLarge,
                "a file of \(file.readableBytes) bytes, the limit is \(limits.maximumFileBytes)"
            )
        }
        let tensor: Tensor
        do {
            tensor = try Tensor(npy: file, limits: NPYLimits(maximumDataBytes: max(0, limits.maximumFileBytes)))
        } catch {
            throw ImageError(error.code == .tooLarge ? .tooLarge : .corrupt, error.message)
        }
        let shape = tensor.shape
        guard tensor.elementType == .uint8, shape.count == 2 || shape.count == 3 else {
            throw ImageError(
                .invalidArgument,
                "a picture is an array of uint8 of shape [height, width] or [height, width, channels], not "
                    + "\(tensor.elementType) of \(shape)"
            )
        }
        guard shape[1] <= limits.maximumWidth, shape[0] <= limits.maximumHeight,
            shape[0] == 0 || shape[1] <= limits.maximumPixels / shape[0]
        else {
            throw ImageError(
                .tooLarge,
                "\(shape[1]) x \(shape[0]) pixels, the limit is \(limits.maximumWidth) x \(limits.maximumHeight) and "
                    + "\(limits.maximumPixels) in all"
            )
        }
        try self.init(
            width: shape[1],
            height: shape[0],
            channels: shape.count == 3 ? shape[2] : 1,
            pixels: Array(tensor.bytes.readableBytesView)
        )
    }

    /// The pixels as a NumPy `.npy` file: `uint8` of shape `[height, width]` for grey, otherwise
    /// `[height, width, channels]`. The file is byte for byte what `numpy.save(numpy.asarray(image))` writes.
    ///
    /// - Throws: ``ImageError`` with code `tooLarge` when the array would take more than 4 GiB, the most a buffer can
    ///   hold.
    public func npy() throws(ImageError) -> ByteBuffer {
        do {
            let shape = channels == 1 ? [height, width] : [height, width, channels]
            return try Tensor(shape: shape, elementType: .uint8, bytes: ByteBuffer(bytes: pixels)).npy()
        } catch {
            throw ImageError(.tooLarge, error.message)
        }
    }

    /// Whether a file begins like a `.npy` file.
    public static func isNPY(_ file: ByteBuffer) -> Bool { file.readableBytesView.starts(with: Tensor.npyMagic) }
}
