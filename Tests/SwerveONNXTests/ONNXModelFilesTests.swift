import SwerveONNX
import Testing

@Suite("Finding a model among files")
struct ONNXModelFilesTests {
    /// Roughly the files of a transformers.js repository.
    private static let repository = [
        "README.md", "config.json", "onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_q4.onnx",
        "onnx/model_q4.onnx_data", "onnx/model_quantized.onnx", "preprocessor_config.json",
    ]

    @Test(
        "A variant's file is found by name, at the root before onnx/",
        arguments: [
            (ONNXVariant.standard, repository, "onnx/model.onnx"), (.fp16, repository, "onnx/model_fp16.onnx"),
            (.quantized, repository, "onnx/model_quantized.onnx"), ("q8", repository, "onnx/model_quantized.onnx"),
            ("fp32", repository, "onnx/model.onnx"), (.standard, ["onnx/model.onnx", "model.onnx"], "model.onnx"),
            ("onnx/model_q4.onnx", repository, "onnx/model_q4.onnx"),
            // The only ONNX file is the default, whatever its name.
            (.standard, ["config.json", "weights/segformer.onnx"], "weights/segformer.onnx"),
        ]
    )
    func finds(variant: ONNXVariant, paths: [String], expected: String) throws {
        #expect(try ONNXModelFiles(variant, among: paths).model == expected)
    }

    @Test("Weights of the model are found beside it, those of other models are not")
    func data() throws {
        let paths = [
            "onnx/model.onnx", "onnx/model.onnx_data", "onnx/model.onnx_data_1", "onnx/model.onnx.data",
            "onnx/model.data",
            "onnx/model_q4.onnx", "onnx/model_q4.onnx_data", "model.onnx_data", "onnx/model.onnx.md5",
        ]
        let files = try ONNXModelFiles(.standard, among: paths)
        #expect(
            files.data == ["onnx/model.data", "onnx/model.onnx.data", "onnx/model.onnx_data", "onnx/model.onnx_data_1"]
        )
        #expect(files.all.first == "onnx/model.onnx")
        #expect(try ONNXModelFiles(.q4, among: paths).data == ["onnx/model_q4.onnx_data"])
    }

    @Test("An error says what is missing and what exists")
    func missing() {
        func message(_ variant: ONNXVariant, _ paths: [String]) -> String? {
            let error = #expect(throws: ONNXError.self) { try ONNXModelFiles(variant, among: paths) }
            #expect(error?.code == .notFound)
            return error?.message
        }
        #expect(
            message(.int8, ["onnx/model.onnx", "onnx/model_fp16.onnx", "README.md"])
                == "no model_int8.onnx and no onnx/model_int8.onnx; there are onnx/model.onnx, onnx/model_fp16.onnx"
        )
        #expect(
            message(.standard, ["model.safetensors", "config.json"])
                == "no model.onnx and no onnx/model.onnx; there is no ONNX file, only config.json, model.safetensors"
        )
        #expect(message(.standard, ["a.onnx", "b.onnx"])?.hasSuffix("there are a.onnx, b.onnx") == true)
        #expect(message(.standard, [])?.hasSuffix("there are no files at all") == true)
        #expect(message("other.onnx", ["model.onnx"]) == "no other.onnx; there are model.onnx")
        #expect(message(.standard, (0..<30).map { "file\($0)" })?.hasSuffix("and 10 more") == true)
    }
}
