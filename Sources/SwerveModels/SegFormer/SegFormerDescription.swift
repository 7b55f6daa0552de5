public import SwerveONNX
internal import SwerveVision

/// Describes a ``SegFormer`` and how it runs: the answer to `GET`.
public struct SegFormerDescription: Hashable, Sendable, Codable {
    /// A class.
    public struct Label: Hashable, Sendable, Codable {
        /// Its number in class maps.
        public let label: Int
        /// Its name.
        public let name: String
        /// Its colour in pictures, as `#rrggbb`.
        public let color: String
    }

    /// How pictures become the model's input.
    public struct Input: Hashable, Sendable, Codable {
        /// The width that pictures are resized to; nil when they are not resized.
        public let width: Int?
        /// The height that pictures are resized to; nil when they are not resized.
        public let height: Int?
        /// How pictures are resized.
        public let filter: String
        /// The model's input, as ONNX describes it.
        public let tensor: String
    }

    /// The folder or repository that was given to `bind`.
    public let model: String
    /// The commit of the repository; nil for a folder.
    public let commit: String?
    /// The ONNX file, relative to the folder.
    public let file: String
    /// The classes, by label.
    public let labels: [Label]
    /// How pictures become the model's input.
    public let input: Input
    /// The provider that runs the model, and the requested ones that do not.
    public let provider: ONNXProviderStatus
    /// How many threads share the work of one operator.
    public let threads: Int
    /// The library that runs the model and its version, for example `ONNX Runtime 1.32.0`.
    public let runtime: String

    init(_ model: SegFormerModel, _ origin: SegFormerModel.Origin) {
        self.model = origin.name
        commit = origin.commit
        file = origin.file
        labels = model.legend.enumerated().map { Label(label: $0, name: $1.name, color: $1.color.hexadecimal) }
        let configuration = model.configuration
        input = Input(
            width: configuration.inputSize?.width,
            height: configuration.inputSize?.height,
            filter: configuration.filter.description,
            tensor: model.session.inputs.first?.description ?? ""
        )
        provider = model.session.providerStatus
        threads = model.session.intraOpThreads
        runtime = model.session.engineName
    }
}

extension RGBColor {
    /// The colour in HTML and CSS notation, `#rrggbb`.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef")
        return [red, green, blue].reduce(into: "#") {
            $0.append(digits[Int($1 >> 4)])
            $0.append(digits[Int($1 & 15)])
        }
    }
}
