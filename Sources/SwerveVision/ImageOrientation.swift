/// How to turn or mirror a picture so that it is upright: the EXIF orientation, 1 to 8.
///
/// Cameras store pixels as the sensor delivers them and record in the metadata how the camera was held.
public enum ImageOrientation: Int, Hashable, Sendable, Codable, CaseIterable {
    /// The first row is the top, the first column the left side: nothing to do.
    case up = 1
    /// Mirrored at the vertical axis.
    case upMirrored = 2
    /// Turned by 180 degrees.
    case down = 3
    /// Mirrored at the horizontal axis.
    case downMirrored = 4
    /// The first row is the left side, the first column the top.
    case leftMirrored = 5
    /// The first row is the right side: turn clockwise by 90 degrees.
    case right = 6
    /// The first row is the right side, the first column the bottom.
    case rightMirrored = 7
    /// The first row is the left side: turn counter-clockwise by 90 degrees.
    case left = 8

    /// Whether turning the picture upright swaps width and height.
    public var swapsSides: Bool { rawValue >= 5 }

    /// Reads the orientation from the metadata of a JPEG, PNG or WebP file as Pillow's `getexif` does: from the EXIF tag,
    /// else from XMP's `tiff:Orientation`. `.up` when there is neither, for other formats and for damaged metadata.
    ///
    /// EXIF in the old "Raw profile type exif" text of a PNG is not read.
    ///
    /// - Parameter file: the whole file.
    public init(file: some Collection<UInt8>) {
        let found = file.withContiguousStorageIfAvailable { ImageOrientation(contiguous: $0) }
        self = found ?? Array(file).withUnsafeBufferPointer { ImageOrientation(contiguous: $0) }
    }

    init(contiguous file: UnsafeBufferPointer<UInt8>) {
        let metadata = ImageMetadata(file: Span(_unsafeElements: file))
        let number = EXIFReader.orientation(in: metadata.exif) ?? EXIFReader.orientation(inXMP: metadata.xmp)
        self = number.flatMap(ImageOrientation.init(rawValue:)) ?? .up
    }
}

extension Image {
    /// Turns the picture upright, given the orientation of its stored pixels. Equal to Pillow's
    /// `ImageOps.exif_transpose`.
    public func upright(from orientation: ImageOrientation) -> Image {
        guard orientation != .up else { return self }
        // The position in the source of the result's first pixel, and the steps to the next column and the next row.
        let right = width - 1
        let bottom = (height - 1) * width
        let (start, column, row) =
            switch orientation {
            case .up: (0, 1, width)
            case .upMirrored: (right, -1, width)
            case .down: (bottom + right, -1, -width)
            case .downMirrored: (bottom, 1, -width)
            case .leftMirrored: (0, width, 1)
            case .right: (bottom, -width, 1)
            case .rightMirrored: (bottom + right, -width, -1)
            case .left: (right, width, -1)
            }
        let newWidth = orientation.swapsSides ? height : width
        let newHeight = orientation.swapsSides ? width : height
        let channels = channels
        let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, initializedCount in
            initializedCount = pixels.count
            pixels.withUnsafeBufferPointer { source in
                var to = 0
                for y in 0..<newHeight {
                    var from = (start + y * row) * channels
                    for _ in 0..<newWidth {
                        for channel in 0..<channels { target[to + channel] = source[from + channel] }
                        to += channels
                        from += column * channels
                    }
                }
            }
        }
        return Image(checkedWidth: newWidth, height: newHeight, channels: channels, pixels: result)
    }
}
