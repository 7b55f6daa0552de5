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
        let (width, height, _) = try Image.dimensions(of: tensor)
        guard width <= limits.maximumWidth, height <= limits.maximumHeight,
            height == 0 || width <= limits.maximumPixels / height
        else {
            throw ImageError(
                .tooLarge,
                "\(width) x \(height) pixels, the limit is \(limits.maximumWidth) x \(limits.maximumHeight) and "
                    + "\(limits.maximumPixels) in all"
            )
        }
        try self.init(array: tensor)
    }

    /// The pixels as a NumPy `.npy` file: `uint8` of shape `[height, width]` for grey, otherwise
    /// `[height, width, channels]`. The file is byte for byte what `numpy.save(numpy.asarray(image))` writes.
    ///
    /// - Throws: ``ImageError`` with code `tooLarge` when the array would take more than 4 GiB, the most a buffer can
    ///   hold.
    public func npy() throws(ImageError) -> ByteBuffer {
        let array = try array()
        do {
            return try array.npy()
        } catch {
            throw ImageError(.tooLarge, error.message)
        }
    }

    /// Whether a file begins like a `.npy` file.
    public static func isNPY(_ file: ByteBuffer) -> Bool { file.readableBytesView.starts(with: Tensor.npyMagic) }
}
