internal import SwerveVision

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension SegFormerConfiguration {
    /// Reads `config.json` and `preprocessor_config.json` from a folder.
    ///
    /// - Throws: ``ONNXError`` with code `notFound` or `invalidConfiguration`; the message names the file.
    public init(folder: String) throws {
        try self.init(
            config: Files.read(folder + "/config.json"),
            preprocessor: Files.read(folder + "/preprocessor_config.json")
        )
    }

    /// Reads the content of the two files. Missing values default to those of Hugging Face's SegFormer processor.
    ///
    /// - Parameters:
    ///   - config: `config.json`: `model_type`, which must be `segformer`; `id2label` or `num_labels`; `palette`, a list of
    ///     `[red, green, blue]`, if there is one.
    ///   - preprocessor: `preprocessor_config.json`: `do_resize`, `size`, `resample`, `do_rescale`, `rescale_factor`,
    ///     `do_normalize`, `image_mean`, `image_std`.
    /// - Throws: ``ONNXError`` with code `invalidConfiguration`; the message names the file and key.
    public init(config: [UInt8], preprocessor: [UInt8]) throws {
        let model = try decode(ModelFile.self, config, file: "config.json")
        try model.checkType()
        let preparation = try decode(PreprocessorFile.self, preprocessor, file: "preprocessor_config.json")
        try preparation.checkSteps()
        try self.init(
            labels: model.names(),
            palette: model.colors(),
            inputSize: preparation.inputSize(),
            filter: preparation.filter(),
            normalization: preparation.normalization
        )
    }
}

private func invalid(_ message: String) -> ONNXError {
    ONNXError(.invalidConfiguration, message)
}

private func decode<File: Decodable>(_ type: File.Type, _ bytes: [UInt8], file: String) throws -> File {
    do {
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw invalid("\(file): \(path.isEmpty ? "" : "\(path): ")\(context.debugDescription)")
        @unknown default: throw invalid("\(file): \(error)")
        }
    }
}

/// The part of `config.json` that we use.
private struct ModelFile: Decodable {
    var model_type: String?
    var architectures: [String]?
    var id2label: [String: String]?
    var num_labels: Int?
    var palette: [[Int]]?

    func checkType() throws {
        guard model_type == "segformer" else {
            let found = model_type.map { "'\($0)'" } ?? "missing"
            throw invalid("config.json: model_type is \(found), but must be 'segformer'")
        }
        let needed = "SegformerForSemanticSegmentation"
        if let architectures, !architectures.isEmpty, !architectures.contains(needed) {
            throw invalid(
                "config.json: architectures is \(architectures.joined(separator: ", ")): no segmentation head; \(needed) is needed"
            )
        }
    }

    func names() throws -> [String] {
        guard let id2label else {
            guard let count = num_labels else { throw invalid("config.json: neither id2label nor num_labels") }
            guard (1...256).contains(count) else {
                throw invalid("config.json: num_labels is \(count); 1 to 256 are supported")
            }
            return (0..<count).map { "LABEL_\($0)" }
        }
        return try (0..<id2label.count).map { label in
            guard let name = id2label[String(label)] else {
                throw invalid("config.json: id2label has \(id2label.count) entries but none for \(label)")
            }
            return name
        }
    }

    func colors() throws -> Palette? {
        guard let palette else { return nil }
        let colors = try palette.map { color in
            guard color.count == 3, color.allSatisfy((0...255).contains) else {
                throw invalid("config.json: palette: \(color) is not three numbers from 0 to 255")
            }
            return RGBColor(red: UInt8(color[0]), green: UInt8(color[1]), blue: UInt8(color[2]))
        }
        guard !colors.isEmpty, colors.count <= 256 else {
            throw invalid("config.json: palette has \(colors.count) colours; 1 to 256 are supported")
        }
        return try Palette(colors)
    }
}

/// The part of `preprocessor_config.json` that we use.
private struct PreprocessorFile: Decodable {
    /// A number or `[height, width]` in old files, otherwise an object.
    struct Size: Decodable {
        let sides: SegFormerConfiguration.InputSize

        init(from decoder: any Decoder) throws {
            if let side = try? decoder.singleValueContainer().decode(Int.self) {
                sides = .init(width: side, height: side)
            } else if let pair = try? decoder.singleValueContainer().decode([Int].self), pair.count == 2 {
                sides = .init(width: pair[1], height: pair[0])
            } else if let named = try? decoder.singleValueContainer().decode([String: Int].self) {
                guard let width = named["width"], let height = named["height"] else {
                    let keys = named.keys.sorted().joined(separator: ", ")
                    throw invalid(
                        "preprocessor_config.json: size has \(keys); height and width are needed: SegFormer resizes without keeping the aspect ratio"
                    )
                }
                sides = .init(width: width, height: height)
            } else {
                throw invalid("preprocessor_config.json: size is neither a number nor an object with height and width")
            }
        }
    }

    var do_resize: Bool?
    var size: Size?
    var resample: Int?
    var do_rescale: Bool?
    var rescale_factor: Double?
    var do_normalize: Bool?
    var image_mean: [Float]?
    var image_std: [Float]?
    var do_center_crop: Bool?
    var do_pad: Bool?
    var do_flip_channel_order: Bool?

    /// Refuses steps that SegFormer's processor does not have, because they would be skipped silently.
    func checkSteps() throws {
        let steps = [
            ("do_center_crop", do_center_crop), ("do_pad", do_pad), ("do_flip_channel_order", do_flip_channel_order),
        ]
        for (name, isWanted) in steps where isWanted == true {
            throw invalid("preprocessor_config.json: \(name) is true, but SegFormer's processor has no such step")
        }
    }

    func inputSize() -> SegFormerConfiguration.InputSize? {
        guard do_resize ?? true else { return nil }
        return size?.sides ?? .init(width: 512, height: 512)
    }

    /// - Throws: ``ONNXError`` with code `invalidConfiguration` for an unknown filter.
    func filter() throws -> ResizeFilter {
        // The numbers are Pillow's.
        let filters: [ResizeFilter] = [.nearest, .lanczos, .bilinear, .bicubic, .box, .hamming]
        let number = resample ?? 2
        guard filters.indices.contains(number) else {
            throw invalid("preprocessor_config.json: resample is \(number); Pillow's filters are 0 to 5")
        }
        return filters[number]
    }

    var normalization: PixelNormalization {
        let isNormalized = do_normalize ?? true
        return PixelNormalization(
            scale: do_rescale ?? true ? rescale_factor ?? 1 / 255 : 1,
            mean: isNormalized ? image_mean ?? PixelNormalization.imageNet.mean : nil,
            deviation: isNormalized ? image_std ?? PixelNormalization.imageNet.deviation : nil
        )
    }
}
