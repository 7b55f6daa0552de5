extension Image {
    /// Converts the image to other channels as Pillow's `Image.convert` does: grey is the ITU-R 601 luma, an added
    /// alpha channel is opaque, a removed one is ignored.
    public func converted(to format: PixelFormat) -> Image {
        let newChannels = format.channels
        guard newChannels != channels else { return self }
        let count = width * height
        let result = [UInt8](unsafeUninitializedCapacity: count * newChannels) { target, initializedCount in
            initializedCount = count * newChannels
            pixels.withUnsafeBufferPointer { source in
                for i in 0..<count {
                    let from = i * channels
                    if newChannels == 1 {
                        target[i] = Image.luma(source[from], source[from + 1], source[from + 2])
                        continue
                    }
                    let to = i * newChannels
                    for channel in 0..<3 { target[to + channel] = source[channels == 1 ? from : from + channel] }
                    if newChannels == 4 { target[to + 3] = 255 }
                }
            }
        }
        return Image(checkedWidth: width, height: height, channels: newChannels, pixels: result)
    }

    /// The image in grey, as Pillow's `convert("L")` gives it.
    public func grayscale() -> Image { converted(to: .grayscale) }

    private static func luma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
        let sum = UInt32(red) &* 19595 &+ UInt32(green) &* 38470 &+ UInt32(blue) &* 7471
        return UInt8(truncatingIfNeeded: (sum &+ 0x8000) >> 16)
    }

    /// Black and white: 255 where the grey value is above the threshold, otherwise 0. Pillow's
    /// `convert("L").point(lambda p: p > threshold and 255)`.
    public func thresholded(_ threshold: Int) -> Image {
        let gray = grayscale()
        let result = gray.pixels.map { Int($0) > threshold ? UInt8(255) : 0 }
        return Image(checkedWidth: width, height: height, channels: 1, pixels: result)
    }

    /// The image with more or less contrast at edges, as in Pillow's `ImageEnhance.Sharpness(image).enhance(factor)`.
    ///
    /// - Parameter factor: 0 gives a blurred image, 1 the image itself, 2 a sharpened one. As in Pillow it becomes a
    ///   32-bit float; a number beyond their range counts as the largest of them.
    /// - Throws: ``ImageError`` with code `invalidArgument` when the factor is not a finite number.
    public func sharpened(factor: Double) throws(ImageError) -> Image {
        guard factor.isFinite else {
            throw ImageError(.invalidArgument, "the factor must be a finite number, not \(factor)")
        }
        // An infinite factor would make NaN, which no byte can hold, of pixels that equal their neighbourhood.
        let factor = min(max(Float(factor), -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
        // The outermost pixels have fewer than eight neighbours and stay unchanged.
        guard factor != 1, width > 2, height > 2 else { return self }
        let rowCount = width * channels
        let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, initializedCount in
            initializedCount = pixels.count
            pixels.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                target.initialize(from: source, count: pixels.count)
                for y in 1..<(height - 1) {
                    sharpenRow(source + y * rowCount, target + y * rowCount, factor: factor)
                }
            }
        }
        return Image(checkedWidth: width, height: height, channels: channels, pixels: result)
    }

    /// Blends each pixel of a row with its neighbourhood: weight 5 in the middle, 1 for each neighbour, divided by 13.
    private func sharpenRow(_ row: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>, factor: Float) {
        let step = channels
        let rowCount = width * channels
        let above = row - rowCount
        let below = row + rowCount
        for x in step..<(rowCount - step) {
            // Opacity is not sharpened.
            if step == 4, x % 4 == 3 { continue }
            let sumAbove = Int32(above[x - step]) &+ Int32(above[x]) &+ Int32(above[x + step])
            let sumRow = Int32(row[x - step]) &+ 5 &* Int32(row[x]) &+ Int32(row[x + step])
            let sumBelow = Int32(below[x - step]) &+ Int32(below[x]) &+ Int32(below[x + step])
            let smooth = (2 &* (sumAbove &+ sumRow &+ sumBelow) &+ 13) / 26
            let value = Float(smooth) + factor * Float(Int32(row[x]) &- smooth)
            target[x] = value <= 0 ? 0 : value >= 255 ? 255 : UInt8(value)
        }
    }
}
