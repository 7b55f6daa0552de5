import Foundation
import NIOCore
import Swerve
import SwerveHub
import SwerveModels
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

@Suite("SegFormer as a deployment", .serialized, .ownInstance, .timeLimit(.minutes(3)))
struct SegFormerDeploymentTests {
    @Test("A handle gives the model's map, its classes and its description", arguments: placements)
    func handle(placement: DeploymentOptions.Placement) async throws {
        let image = try SegFormerSupport.photo()
        let expected = try await SegFormerModel.load(folder: SegFormerSupport.tiny, runtime: ONNXRuntime.load())
            .segment(image)
        let bound = SegFormer.options(placement: placement).bind(model: SegFormerSupport.tiny)
        try await SegFormerSupport.serve(bound) { model, _ in
            #expect(try await model.segment(image) == expected)
            #expect(try await model.classes().map(\.name) == (0..<5).map { "class \($0)" })
            let description = try await model.describe()
            #expect(description.file == "model.onnx")
            #expect(description.commit == nil)
            #expect(description.runtime.hasPrefix("ONNX Runtime 1."))
            #expect(description.labels[1].color == "#800000")
            #expect(description.input.width == 64 && description.input.filter == "bilinear")
            #expect(description.input.tensor == "pixel_values: float32 [batch_size, 3, height, width]")
        }
    }

    @Test("Over HTTP the map comes as an array, a picture, or JSON with classes and shares", arguments: placements)
    func formats(placement: DeploymentOptions.Placement) async throws {
        let image = try SegFormerSupport.photo()
        let body = try image.png()
        let bound = SegFormer.options(placement: placement).bind(model: SegFormerSupport.tiny)
        try await SegFormerSupport.serve(bound) { model, url in
            let map = try await model.segment(image)
            let array = try await WebAnswer.send(body, to: url, accept: "application/x-npy")
            #expect(array.status == 200 && array.type == "application/x-npy")
            let tensor = try Tensor(npy: ByteBuffer(bytes: array.body))
            #expect(tensor.shape == [image.height, image.width])
            #expect(try tensor.values(as: UInt8.self) == map.labels)

            let json = try await WebAnswer.send(body, to: url, accept: "application/json")
            #expect(json.status == 200 && json.type == "application/json")
            let report = try JSONDecoder().decode(SegmentationReport.self, from: json.body)
            #expect(try report == SegmentationReport(map, classes: await model.classes()))
            let short = try await WebAnswer.send(body, to: url, query: "?map=none", accept: "application/json")
            #expect(!short.text.contains("base64"))

            for (query, type) in [("", "image/png"), ("?picture=contour", "image/png"), ("", "image/jpeg")] {
                let accept = type == "image/jpeg" ? type : "*/*"
                let picture = try await WebAnswer.send(body, to: url, query: query, accept: accept)
                #expect(picture.status == 200 && picture.type == type)
                let name = query.isEmpty ? SegmentationPicture.overlay : .contour
                let drawn = try await name.drawn(of: image, labels: map.labels, classes: model.classes())
                if type == "image/png" { #expect(try Image.decode(Array(picture.body)) == drawn) }
            }
            let wide = try await WebAnswer.send(body, to: url, query: "?picture=side-by-side")
            #expect(try Image.decode(Array(wide.body)).width > 2 * image.width)

            let answer = try await WebAnswer.get(url)
            let description = try await model.describe()
            #expect(try JSONDecoder().decode(SegFormerDescription.self, from: answer.body) == description)
        }
    }

    @Test("A client's mistakes are answered with the right status, in each placement", arguments: placements)
    func statuses(placement: DeploymentOptions.Placement) async throws {
        let options = SegFormerOptions(limits: ImageLimits(maximumPixels: 10_000))
        let small = try SegFormerSupport.gray(100, 100).png()
        let bound = SegFormer.options(placement: placement).bind(model: SegFormerSupport.tiny, options: options)
        try await SegFormerSupport.serve(bound) { _, url in
            func status(_ body: [UInt8], _ query: String = "", method: String = "POST") async throws -> Int {
                try await WebAnswer.send(body, to: url, query: query, method: method).status
            }
            #expect(try await status(small) == 200)
            #expect(try await status(Array("no picture".utf8)) == 415)
            #expect(try await status(Array(small.prefix(small.count / 2))) == 400)
            #expect(try await status(SegFormerSupport.gray(101, 100).png()) == 413)
            #expect(try await status(small, "?picture=cubist") == 400)
            #expect(try await status(small, "?map=runs") == 400)
            let put = try await WebAnswer.send(small, to: url, method: "PUT")
            #expect(put.status == 405 && put.headers["allow"] == "GET, HEAD, OPTIONS, POST")
            #expect(try await status(small, "/below") == 404)
        }
    }

    @Test("A picture that the model cannot take is 422, also through another process, and the error keeps its type")
    func unprocessable() async throws {
        let model = SegFormer.bind(model: SegFormerSupport.fixed)
        let wrong = try SegFormerSupport.gray(63, 64)
        try await SegFormerSupport.serve(model) { model, url in
            let right = try SegFormerSupport.gray(64, 64)
            #expect(try await model.segment(right).width == 64)
            let error = await #expect(throws: ONNXError.self) { try await model.segment(wrong) }
            #expect(error?.code == .invalidInput)
            let answer = try await WebAnswer.send(wrong.png(), to: url)
            #expect(answer.status == 422)
            #expect(answer.text.contains("[1, 3, 64, 63]"))
        }
        try await SegFormerSupport.serve(SegmentingFront.bind(model: model)) { _, url in
            #expect(try await WebAnswer.send(wrong.png(), to: url).status == 422)
            // The front itself throws this error and does not catch it.
            #expect(try await WebAnswer.send(Array("GIF89a".utf8), to: url).status == 415)
            let cut = Array(try SegFormerSupport.gray(64, 64).png().dropLast(20))
            #expect(try await WebAnswer.send(cut, to: url).status == 400)
        }
    }

    @Test("Pictures beyond a replica's queue limit are refused with 503 and retry-after, the others answered")
    func overload() async throws {
        let options = SegFormerOptions(session: ONNXSessionOptions(queueLimit: 0))
        let body = try SegFormerSupport.gray(32, 32).png()
        try await SegFormerSupport.serve(SegFormer.bind(model: SegFormerSupport.b0, options: options)) { _, url in
            let answers = try await withThrowingTaskGroup(of: WebAnswer.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await WebAnswer.send(body, to: url, accept: "application/x-npy") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let refused = answers.filter { $0.status != 200 }
            #expect((1..<6).contains(refused.count))
            #expect(refused.allSatisfy { $0.status == 503 && $0.headers["retry-after"] == "1" })
        }
    }

    @Test("A variant is found by name, with weights in a separate file or in 16 bits", arguments: placements)
    func variants(placement: DeploymentOptions.Placement) async throws {
        let image = try SegFormerSupport.photo()
        for (variant, file) in [(ONNXVariant.standard, "onnx/model.onnx"), (.fp16, "onnx/model_fp16.onnx")] {
            let bound = SegFormer.options(placement: placement).bind(model: SegFormerSupport.forms, variant: variant)
            try await SegFormerSupport.serve(bound) { model, _ in
                let found = try await model.describe().file
                #expect(found == file)
                let map = try await model.segment(image)
                #expect(Set(map.labels).count > 1)
            }
        }
    }

    @Test("A model that cannot be loaded fails the start; the error says what is missing and how to make it")
    func missing() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["config.json", "preprocessor_config.json"] {
            try FileManager.default.copyItem(
                at: URL(filePath: "\(SegFormerSupport.tiny)/\(name)"),
                to: folder.appending(path: name)
            )
        }
        let error = await #expect(throws: ServeError.self) {
            try await SegFormerSupport.serve(SegFormer.options(placement: .inProcess).bind(model: folder.path)) {
                _,
                _ in
            }
        }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("no model.onnx and no onnx/model.onnx") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("dev/export-onnx.py \(folder.path)") == true)
    }

    @Test("A repository in the hub's cache is bound by name; a missing variant and an uncached repository are refused")
    func repository() async throws {
        let cache = SegFormerSupport.hubCache
        defer { try? FileManager.default.removeItem(atPath: cache) }
        let commit = String(repeating: "0123456789", count: 4)
        try cacheRepository("swerve/tiny", commit: commit, from: SegFormerSupport.forms)
        let image = try SegFormerSupport.photo()
        for placement in placements {
            let bound = SegFormer.options(placement: placement).bind(model: "swerve/tiny", variant: .quantized)
            try await SegFormerSupport.serve(bound) { model, _ in
                let description = try await model.describe()
                #expect(description.commit == commit)
                #expect(description.file == "onnx/model_quantized.onnx")
                #expect(try await model.segment(image).width == image.width)
            }
        }
        let general = ONNXModel.options(placement: .inProcess).bind(model: "swerve/tiny", variant: .quantized)
        try await SegFormerSupport.serve(general) { model, _ in
            let signature = try await model.signature()
            #expect(signature.inputs.map(\.name) == ["pixel_values"])
        }
        // Weights in a separate file are found through the links of the cache.
        try await SegFormerSupport.serve(SegFormer.options(placement: .inProcess).bind(model: "swerve/tiny")) {
            model,
            _ in
            let description = try await model.describe()
            #expect(description.file == "onnx/model.onnx")
            #expect(try await model.segment(image).width == image.width)
        }

        let error = await #expect(throws: ONNXError.self) {
            try await ModelSource.resolve("swerve/tiny", files: ModelFiles(variant: "q4"))
        }
        let what = "swerve/tiny has no model_q4.onnx and no onnx/model_q4.onnx"
        #expect(error?.message == "\(what); there are onnx/model.onnx, onnx/model_quantized.onnx")
        let offline = await #expect(throws: HubError.self) { try await ModelSource.resolve("swerve/other") }
        #expect(offline?.code == .offline)
    }

    /// Lays out a folder like the cache of `huggingface_hub`: blobs, a snapshot of links, and the commit of `main`.
    private func cacheRepository(_ name: String, commit: String, from folder: String) throws {
        let files = FileManager.default
        let root = "\(SegFormerSupport.hubCache)/models--" + name.replacing("/", with: "--")
        for part in ["blobs", "refs", "snapshots/\(commit)/onnx"] {
            try files.createDirectory(atPath: "\(root)/\(part)", withIntermediateDirectories: true)
        }
        try Data(commit.utf8).write(to: URL(filePath: "\(root)/refs/main"))
        let paths = ["config.json", "preprocessor_config.json", "onnx/model.onnx", "onnx/model.onnx_data"]
        for (index, path) in (paths + ["onnx/model_quantized.onnx"]).enumerated() {
            let etag = String(repeating: "\(index)", count: 40)
            try files.copyItem(atPath: "\(folder)/\(path)", toPath: "\(root)/blobs/\(etag)")
            let up = path.contains("/") ? "../../../" : "../../"
            try files.createSymbolicLink(
                atPath: "\(root)/snapshots/\(commit)/\(path)",
                withDestinationPath: "\(up)blobs/\(etag)"
            )
        }
    }
}
