import Foundation
import SwerveModels
import SwerveVision
import Testing

@Suite("SegFormer configuration and maps")
struct SegFormerConfigurationTests {
    private func configuration(_ config: String, _ preprocessor: String = "{}") throws -> SegFormerConfiguration {
        let typed =
            config.hasPrefix("{") && !config.contains("model_type") && config != "{}"
            ? #"{"model_type": "segformer", "# + config.dropFirst() : config
        return try SegFormerConfiguration(config: Array(typed.utf8), preprocessor: Array(preprocessor.utf8))
    }

    @Test("Labels, palette and defaults are read")
    func reads() throws {
        let read = try configuration(
            #"{"id2label": {"1": "tree", "0": "wall"}, "palette": [[1, 2, 3], [4, 5, 6]], "more": [1]}"#
        )
        #expect(read.labels == ["wall", "tree"])
        #expect(read.palette?.colors[1] == RGBColor(red: 4, green: 5, blue: 6))
        #expect(read.inputSize == .init(width: 512, height: 512))
        #expect(read.filter == .bilinear)
        #expect(read.normalization == .imageNet)
        #expect(try configuration(#"{"num_labels": 2}"#).labels == ["LABEL_0", "LABEL_1"])
    }

    @Test("A size may be a number, a pair or an object, and a filter any of Pillow's")
    func sizesAndFilters() throws {
        func read(_ preprocessor: String) throws -> SegFormerConfiguration {
            try configuration(#"{"num_labels": 1}"#, preprocessor)
        }
        for (text, width, height) in [
            ("7", 7, 7), ("[9, 7]", 7, 9), (#"{"height": 9, "width": 7}"#, 7, 9),
        ] {
            #expect(try read(#"{"size": \#(text)}"#).inputSize == .init(width: width, height: height))
        }
        let filters: [ResizeFilter] = [.nearest, .lanczos, .bilinear, .bicubic, .box, .hamming]
        for (number, filter) in filters.enumerated() {
            #expect(try read(#"{"resample": \#(number)}"#).filter == filter)
        }
        #expect(try read(#"{"do_center_crop": false, "do_reduce_labels": true}"#).filter == .bilinear)
    }

    @Test("Flags switch off resizing, scaling and normalising")
    func flags() throws {
        let read = try configuration(
            #"{"num_labels": 1}"#,
            #"{"do_resize": false, "do_rescale": false, "do_normalize": false, "size": {"width": 7, "height": 9}}"#
        )
        #expect(read.inputSize == nil)
        #expect(read.normalization == PixelNormalization(scale: 1))
        #expect(
            try configuration(#"{"num_labels": 1}"#, #"{"size": {"width": 7, "height": 9}}"#).inputSize?.height == 9
        )
    }

    @Test(
        "An invalid configuration is refused; the error names file and key",
        arguments: [
            ("not json", "{}", "config.json"), (#"{"model_type": "segformer"}"#, "{}", "id2label"),
            ("{}", "{}", "model_type is missing"),
            (#"{"model_type": "vit", "num_labels": 2}"#, "{}", "model_type is 'vit', but must be 'segformer'"),
            (
                #"{"num_labels": 2, "architectures": ["SegformerForImageClassification"]}"#, "{}",
                "no segmentation head"
            ),
            (#"{"num_labels": 0}"#, "{}", "num_labels"), (#"{"num_labels": 257}"#, "{}", "num_labels"),
            (#"{"id2label": {"0": "a", "2": "b"}}"#, "{}", "none for 1"), (#"{"id2label": {}}"#, "{}", "classes"),
            (#"{"num_labels": 1, "palette": [[1, 2]]}"#, "{}", "palette"),
            (#"{"num_labels": 2, "palette": [[1, 2, 3]]}"#, "{}", "palette"),
            (#"{"num_labels": 1, "palette": [[1, 2, 256]]}"#, "{}", "palette"),
            (#"{"num_labels": 1}"#, #"{"size": 0}"#, "size"), (#"{"num_labels": 1}"#, #"{"size": 1000000}"#, "size"),
            (#"{"num_labels": 1}"#, #"{"size": "big"}"#, "size"),
            (#"{"num_labels": 1}"#, #"{"size": {"shortest_edge": 512}}"#, "size has shortest_edge; height and width"),
            (#"{"num_labels": 1}"#, #"{"size": {"width": 5}}"#, "size has width; height and width"),
            (#"{"num_labels": 1}"#, #"{"size": [1, 2, 3]}"#, "size"),
            (#"{"num_labels": 1}"#, #"{"resample": 6}"#, "resample is 6"),
            (#"{"num_labels": 1}"#, #"{"resample": -1}"#, "resample is -1"),
            (#"{"num_labels": 1}"#, #"{"do_center_crop": true}"#, "do_center_crop"),
            (#"{"num_labels": 1}"#, #"{"do_flip_channel_order": true}"#, "do_flip_channel_order"),
            (#"{"num_labels": 1}"#, #"{"image_mean": [0.5]}"#, "image_mean"),
            (#"{"num_labels": 1}"#, #"{"image_std": [1, 0, 1]}"#, "image_std"),
            (#"{"num_labels": 1}"#, #"{"do_resize": "yes"}"#, "do_resize"),
        ]
    )
    func invalid(config: String, preprocessor: String, words: String) {
        let error = #expect(throws: ONNXError.self) { try configuration(config, preprocessor) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("A map counts its labels, colours them, and survives PNG and JSON")
    func map() throws {
        let map = try SegmentationMap(width: 3, height: 2, labels: [2, 0, 2, 1, 2, 0])
        #expect(map.histogram().prefix(4) == [2, 1, 3, 0])
        #expect(map.labelsByFrequency() == [2, 0, 1])
        let palette = try Palette([.black, .white, RGBColor(red: 9, green: 8, blue: 7)])
        #expect(try map.colored(palette).pixels.prefix(6) == [9, 8, 7, 0, 0, 0])
        #expect(try Image.decode(map.png(palette: palette)) == map.colored(palette))
        let data = try JSONEncoder().encode(map)
        #expect(try JSONDecoder().decode(SegmentationMap.self, from: data) == map)

        let error = #expect(throws: ImageError.self) { try map.colored(Palette([.black, .white])) }
        #expect(error?.code == .invalidArgument)
        #expect(throws: ImageError.self) { try SegmentationMap(width: 2, height: 2, labels: [0]) }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                SegmentationMap.self,
                from: Data(#"{"width":1,"height":1,"labels":"AAAA"}"#.utf8)
            )
        }
    }
}
