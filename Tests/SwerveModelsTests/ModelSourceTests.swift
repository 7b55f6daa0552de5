import Foundation
import NIOCore
import Swerve
import SwerveModels
import SwerveVision
import SwerveVisionHTTP
import Testing

@Suite("Where models come from")
struct ModelSourceTests {
    @Test(
        "Paths are folders, whether they exist or not",
        arguments: [
            ("/nowhere/at-all", "/nowhere/at-all"), ("./owner/name", "./owner/name"), ("../x", "../x"), (".", "."),
            ("~/models/x", "/home/me/models/x"), ("~", "/home/me"), ("Tests", "Tests"),
            ("Sources/Swerve", "Sources/Swerve"),
        ]
    )
    func folders(text: String, path: String) throws {
        let source = try ModelSource(text, home: "/home/me")
        #expect(source.folder == path)
        #expect(source.repository == nil)
    }

    @Test("A name is a repository", arguments: ["nvidia/segformer-b0-finetuned-ade-512-512", "a/b", "Some_One/x.y-2"])
    func repositories(name: String) throws {
        let source = try ModelSource(name)
        #expect(source.repository == name)
        #expect(source.folder == nil)
    }

    @Test(
        "Text that is neither a folder nor a repository is refused",
        arguments: ["", "segformer", "a/b/c", "a/"] + ["a b/c", "owner/na?me", "https://x/y", "a/b c"]
    )
    func neither(text: String) {
        let error = #expect(throws: ONNXError.self) { try ModelSource(text) }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("neither an existing folder nor the name of a repository") == true)
    }

    @Test("Required files that are missing from a folder are named, before the model is looked for")
    func otherFiles() async throws {
        let found = try await ModelSource.resolve(SegFormerSupport.tiny, files: ModelFiles(others: ["config.json"]))
        #expect(found.modelPath == SegFormerSupport.tiny + "/model.onnx")
        let error = await #expect(throws: ONNXError.self) {
            try await ModelSource.resolve(SegFormerSupport.tiny, files: ModelFiles(others: ["a.json", "b.json"]))
        }
        #expect(error?.message == "\(SegFormerSupport.tiny) has no a.json and no b.json")
        let file = await #expect(throws: ONNXError.self) { try await ModelSource.resolve("Package.swift") }
        #expect(file?.message == "Package.swift is a file, not the folder of a model")
    }

    @Test("The path of an ONNX file means that file in its folder")
    func file() async throws {
        let found = try await ModelSource.resolve(SegFormerSupport.forms + "/onnx/model_fp16.onnx")
        #expect(found.path == SegFormerSupport.forms + "/onnx")
        #expect(found.model == "model_fp16.onnx")
        let error = await #expect(throws: ONNXError.self) {
            try await ModelSource.resolve(SegFormerSupport.forms + "/onnx/other.onnx")
        }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("onnx has no other.onnx; there are model.onnx, model_fp16.onnx") == true)
    }

    @Test("Picture and model errors answer with their status, and internal errors hide their message")
    func answers() {
        func status(_ error: any Error) -> HTTPStatus { ServeResponse(for: error).status }
        #expect(status(ImageError(.tooLarge, "x")) == .contentTooLarge)
        #expect(status(ImageError(.unsupportedFormat, "x")) == .unsupportedMediaType)
        #expect(status(ONNXError(.invalidInput, "x")) == .unprocessableContent)
        #expect(ServeResponse(for: ONNXError(.queueFull, "x")).headers["retry-after"] == "1")
        for error in [ONNXError(.runFailed, "secret"), ImageError(.libraryMissing, "secret")] as [any Error] {
            let response = ServeResponse(for: error)
            #expect(response.status == .internalServerError)
            #expect(response.body.completeBytes.map { String(buffer: $0).contains("secret") } == false)
        }
    }
}

@Suite("Reports of segmentations")
struct SegmentationReportTests {
    private let classes = [
        LegendEntry(name: "wall", color: .black),
        LegendEntry(name: "tree", color: RGBColor(red: 1, green: 171, blue: 255)),
        LegendEntry(name: "sky", color: .white),
    ]

    @Test("Classes are listed by frequency with colour and share; the map is a PNG of their labels")
    func report() throws {
        let map = try SegmentationMap(width: 4, height: 2, labels: [1, 1, 1, 1, 1, 0, 0, 1])
        let report = try SegmentationReport(map, classes: classes)
        #expect(report.classes.map(\.name) == ["tree", "wall"])
        #expect(report.classes[0].color == "#01abff")
        #expect(report.classes.map(\.pixels) == [6, 2])
        #expect(report.classes.map(\.share) == [0.75, 0.25])
        let url = try #require(report.map)
        #expect(url.hasPrefix("data:image/png;base64,"))
        let file = try #require(Data(base64Encoded: String(url.dropFirst("data:image/png;base64,".count))))
        #expect(try Image.decode(Array(file)) == map.colored(Palette(classes.map(\.color))))
        #expect(try SegmentationReport(map, classes: classes, includesMap: false).map == nil)
    }

    @Test(
        "Every form of a segmentation tells caches that it depends on Accept",
        arguments: ["application/json", "application/x-npy", "image/png", "image/jpeg"]
    )
    func varies(accept: String) async throws {
        let map = try SegmentationMap(width: 2, height: 1, labels: [0, 1])
        let image = try Image(width: 2, height: 1, channels: 3, pixels: [UInt8](repeating: 9, count: 6))
        let request = try ServeRequest(headers: ["accept": accept])
        let answer = try await SegmentationAnswer(for: request).response(with: map, of: image, classes: classes)
        #expect(answer.headers["content-type"] == accept)
        #expect(answer.headers.values(of: "vary") == ["accept"])
    }

    @Test("A label without a class is an error, not a crash")
    func unknownLabel() throws {
        let map = try SegmentationMap(width: 1, height: 1, labels: [3])
        let error = #expect(throws: ImageError.self) { try SegmentationReport(map, classes: classes) }
        #expect(error?.code == .invalidArgument)
    }
}
