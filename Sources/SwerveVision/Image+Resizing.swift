extension Image {
    /// Resizes the image without keeping the aspect ratio. The result equals that of Pillow 13's `Image.resize`.
    ///
    /// - Parameters:
    ///   - width: the new number of columns, at least 1.
    ///   - height: the new number of rows, at least 1.
    ///   - filter: bilinear by default.
    /// - Throws: ``ImageError`` with code `invalidArgument` or `tooLarge`.
    public func resized(
        width newWidth: Int,
        height newHeight: Int,
        filter: ResizeFilter = .bilinear
    ) throws(ImageError) -> Image {
        try Image.checkSize(width: newWidth, height: newHeight)
        guard newWidth != width || newHeight != height else { return self }
        if filter == .nearest { return resizedToNearest(width: newWidth, height: newHeight) }
        // The order of the passes affects rounding. This is the rule of Pillow 13; older versions always began with the
        // columns.
        let isVerticalFirst = newHeight < height && height - newHeight > 2 * (width - newWidth)
        // The image between the passes may be larger than both the old and the new image.
        try Image.checkSize(width: isVerticalFirst ? width : newWidth, height: isVerticalFirst ? newHeight : height)
        // Averaging colours of different opacity requires weighting them by opacity.
        var image = channels == 4 ? premultiplied() : self
        if isVerticalFirst { image = image.resizedVertically(to: newHeight, filter) }
        if newWidth != width { image = image.resizedHorizontally(to: newWidth, filter) }
        if !isVerticalFirst, newHeight != height { image = image.resizedVertically(to: newHeight, filter) }
        return channels == 4 ? image.unpremultiplied() : image
    }

    private func resizedToNearest(width newWidth: Int, height newHeight: Int) -> Image {
        func nearest(_ oldSize: Int, _ newSize: Int) -> [Int] {
            // The position is a running sum, rounded at each step as in Pillow: multiplying would sometimes choose
            // another pixel.
            let step = Double(oldSize) / Double(newSize)
            var position = step * 0.5
            return (0..<newSize).map { _ in
                defer { position += step }
                return min(Int(position), oldSize - 1)
            }
        }
        let columns = nearest(width, newWidth)
        let count = newWidth * newHeight * channels
        let result = [UInt8](unsafeUninitializedCapacity: count) { target, initializedCount in
            var to = 0
            for y in nearest(height, newHeight) {
                for x in columns {
                    let from = (y * width + x) * channels
                    for channel in 0..<channels {
                        target[to] = pixels[from + channel]
                        to += 1
                    }
                }
            }
            initializedCount = to
        }
        return Image(checkedWidth: newWidth, height: newHeight, channels: channels, pixels: result)
    }

    private func resizedHorizontally(to newWidth: Int, _ filter: ResizeFilter) -> Image {
        let table = ResizeWeights(from: width, to: newWidth, filter: filter)
        let count = newWidth * height * channels
        let result = [UInt8](unsafeUninitializedCapacity: count) { target, initializedCount in
            initializedCount = count
            guard let target = target.baseAddress else { return }
            pixels.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress else { return }
                for y in 0..<height {
                    let from = source + y * width * channels
                    let to = target + y * newWidth * channels
                    if channels == 3 {
                        Image.resizeRow(ofRGB: from, to: to, newWidth: newWidth, table)
                    } else {
                        Image.resizeRow(from, channels: channels, to: to, newWidth: newWidth, table)
                    }
                }
            }
        }
        return Image(checkedWidth: newWidth, height: height, channels: channels, pixels: result)
    }

    private static func resizeRow(
        ofRGB row: UnsafePointer<UInt8>,
        to target: UnsafeMutablePointer<UInt8>,
        newWidth: Int,
        _ table: ResizeWeights
    ) {
        table.weights.withUnsafeBufferPointer { allWeights in
            guard var weights = allWeights.baseAddress else { return }
            for x in 0..<newWidth {
                var source = row + table.first[x] * 3
                var (red, green, blue) = (roundingHalf, roundingHalf, roundingHalf)
                for i in 0..<table.count[x] {
                    red &+= Int32(source[0]) &* weights[i]
                    green &+= Int32(source[1]) &* weights[i]
                    blue &+= Int32(source[2]) &* weights[i]
                    source += 3
                }
                target[3 * x] = clamped(red)
                target[3 * x + 1] = clamped(green)
                target[3 * x + 2] = clamped(blue)
                weights += table.stride
            }
        }
    }

    private static func resizeRow(
        _ row: UnsafePointer<UInt8>,
        channels: Int,
        to target: UnsafeMutablePointer<UInt8>,
        newWidth: Int,
        _ table: ResizeWeights
    ) {
        table.weights.withUnsafeBufferPointer { allWeights in
            guard var weights = allWeights.baseAddress else { return }
            for x in 0..<newWidth {
                for channel in 0..<channels {
                    var source = row + table.first[x] * channels + channel
                    var sum = roundingHalf
                    for i in 0..<table.count[x] {
                        sum &+= Int32(source[0]) &* weights[i]
                        source += channels
                    }
                    target[channels * x + channel] = clamped(sum)
                }
                weights += table.stride
            }
        }
    }

    private func resizedVertically(to newHeight: Int, _ filter: ResizeFilter) -> Image {
        let table = ResizeWeights(from: height, to: newHeight, filter: filter)
        let rowCount = width * channels
        let count = rowCount * newHeight
        let result = [UInt8](unsafeUninitializedCapacity: count) { target, initializedCount in
            initializedCount = count
            let sums = UnsafeMutableBufferPointer<Int32>.allocate(capacity: rowCount)
            defer { sums.deallocate() }
            guard let target = target.baseAddress, let sums = sums.baseAddress else { return }
            pixels.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress else { return }
                for y in 0..<newHeight {
                    sums.initialize(repeating: Image.roundingHalf, count: rowCount)
                    for i in 0..<table.count[y] {
                        let weight = table.weights[y * table.stride + i]
                        let row = source + (table.first[y] + i) * rowCount
                        for x in 0..<rowCount { sums[x] &+= Int32(row[x]) &* weight }
                    }
                    let to = target + y * rowCount
                    for x in 0..<rowCount { to[x] = Image.clamped(sums[x]) }
                }
            }
        }
        return Image(checkedWidth: width, height: newHeight, channels: channels, pixels: result)
    }

    private static var roundingHalf: Int32 { 1 << (ResizeWeights.fractionBits - 1) }

    private static func clamped(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: min(max(sum >> ResizeWeights.fractionBits, 0), 255))
    }

    // MARK: Opacity

    private func premultiplied() -> Image {
        mapRGBA { color, alpha in
            let product = UInt32(color) * UInt32(alpha) + 128
            return UInt8(truncatingIfNeeded: ((product >> 8) + product) >> 8)
        }
    }

    private func unpremultiplied() -> Image {
        mapRGBA { color, alpha in
            alpha == 0 || alpha == 255 ? color : UInt8(min(255 * Int(color) / Int(alpha), 255))
        }
    }

    private func mapRGBA(_ transform: (_ color: UInt8, _ alpha: UInt8) -> UInt8) -> Image {
        var result = pixels
        for i in stride(from: 0, to: result.count, by: 4) {
            for channel in i..<(i + 3) { result[channel] = transform(result[channel], result[i + 3]) }
        }
        return Image(checkedWidth: width, height: height, channels: 4, pixels: result)
    }
}
