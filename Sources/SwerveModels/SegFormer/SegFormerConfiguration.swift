public import SwerveVision

/// How to prepare images for a SegFormer model, and the names of its classes.
///
/// It is read from the files `config.json` and `preprocessor_config.json` that Hugging Face's libraries write beside a
/// model.
public struct SegFormerConfiguration: Hashable, Sendable {
    /// The name of each of the 1 to 256 classes, by label.
    public var labels: [String]
    /// The colour of each class; nil when the files have no palette.
    public var palette: Palette?
    /// The width and height that images are resized to; nil does not resize.
    public var inputSize: InputSize?
    /// How images are resized.
    public var filter: ResizeFilter
    /// How bytes become numbers.
    public var normalization: PixelNormalization

    /// A size in pixels.
    public struct InputSize: Hashable, Sendable {
        public var width: Int
        public var height: Int

        public init(width: Int, height: Int) {
            self.width = width
            self.height = height
        }
    }

    /// The largest side that images may be resized to.
    static let maximumInputSide = 8192

    /// - Parameters:
    ///   - labels: the name of each class, by label.
    ///   - palette: the colour of each class.
    ///   - inputSize: 512 x 512 by default.
    ///   - filter: bilinear by default.
    ///   - normalization: that of ImageNet by default.
    /// - Throws: ``ONNXError`` with code `invalidConfiguration`.
    public init(
        labels: [String],
        palette: Palette? = nil,
        inputSize: InputSize? = InputSize(width: 512, height: 512),
        filter: ResizeFilter = .bilinear,
        normalization: PixelNormalization = .imageNet
    ) throws {
        self.labels = labels
        self.palette = palette
        self.inputSize = inputSize
        self.filter = filter
        self.normalization = normalization
        try validate()
    }

    private func validate() throws {
        func require(_ isTrue: Bool, _ message: @autoclosure () -> String) throws {
            guard isTrue else { throw ONNXError(.invalidConfiguration, message()) }
        }
        try require((1...256).contains(labels.count), "a model must have 1 to 256 classes, not \(labels.count)")
        if let palette {
            try require(
                palette.colors.count >= labels.count,
                "the palette has \(palette.colors.count) colours for \(labels.count) classes"
            )
        }
        if let inputSize {
            let range = 1...SegFormerConfiguration.maximumInputSide
            try require(
                range.contains(inputSize.width) && range.contains(inputSize.height),
                "size is \(inputSize.width) x \(inputSize.height); a side must be from 1 to \(range.upperBound)"
            )
        }
        try require(normalization.scale.isFinite, "rescale_factor is not a finite number")
        for (name, numbers) in [("image_mean", normalization.mean), ("image_std", normalization.deviation)] {
            guard let numbers else { continue }
            try require(numbers.count == 3, "\(name) has \(numbers.count) numbers; it needs one per colour")
            try require(numbers.allSatisfy(\.isFinite), "\(name) has a number that is not finite")
        }
        try require(normalization.deviation?.contains(0) != true, "image_std has a zero")
    }
}
