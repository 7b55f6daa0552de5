import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Swerve
import SwerveModels
import SwerveTensor
import SwerveVision

/// The cells of the course in order, each actually run. A line of output begins with the number of its part.
struct Notebook {
    /// Binds the model, with deployment options. Each call makes another deployment, as each `bind` does.
    var segmenter: (Segmenter.Configured) -> Segmenter
    var port: Int
    /// Where the arrays go that the notebook would show; nil shows nothing.
    var folder: String?

    private static let sample = "Examples/Segmentation/Samples/scene.png"

    func run() async throws {
        try await Serve.start(ServeOptions(port: port))
        try await firstService()
        let image = try Image.decode(read(Self.sample)).resized(width: 512, height: 384, filter: .bicubic)
        try await threshold(image)
        try await segmentation(image)
        try await composition(image)
        try await ingress(image)
        try await resourcesAndScaling(image)
        try await deploymentGraph(image)
        await Serve.shutdown()
    }

    private func firstService() async throws {
        let handle = try await Serve.run(TextConverter.bind())
        print("1. TextConverter:", type(of: handle), handle.id)
        async let reference = handle.convert("cat")
        print("1. convert(\"cat\") is", try await reference)
        try await Serve.delete("default")
    }

    private func threshold(_ image: Image) async throws {
        let handle = try await Serve.run(Threshold.bind(threshold: 128), name: "hello_image_world")
        // As in the notebook, where the array of a picture's pixels holds 64-bit integers.
        let array = try Tensor(shape: [image.height, image.width, 3], values: image.pixels.map(Int64.init))
        let result = try await handle.getResponse(array)
        print("2. Threshold by handle:", result)
        try show(result.npy(), as: "threshold")

        let answer = try await post(image)
        print("3. Threshold over HTTP:", try Image(npy: answer))
        try show(answer, as: "threshold-http")
        try await Serve.delete("hello_image_world")
    }

    private func segmentation(_ image: Image) async throws {
        let handle = try await Serve.run(segmenter(Segmenter.options()), name: "seg")
        let map = try await handle.segment(image)
        print("4. Segmenter:", try await describe(map, handle.classes()))
        try show(map, as: "seg")
        try await Serve.delete("seg")
    }

    private func composition(_ image: Image) async throws {
        let sharpenThenSegment = SharpenThenSegment.bind(segmenter: segmenter(Segmenter.options()))
        let handle = try await Serve.run(sharpenThenSegment, name: "composition_test")
        let map = try await handle.process(image)
        print("5. SharpenThenSegment:", try await describe(map, handle.classes()))
        try show(map, as: "composition_test")
        try await Serve.delete("composition_test")
    }

    private func ingress(_ image: Image) async throws {
        let sharpenThenSegment = SharpenThenSegment.bind(segmenter: segmenter(Segmenter.options()))
        try await Serve.run(Ingress.bind(processor: sharpenThenSegment), name: "composition")
        let answer = try await post(image)
        print("6. Ingress over HTTP:", try Tensor(npy: answer))
        try show(answer, as: "composition")
        try await Serve.delete("composition")
    }

    private func resourcesAndScaling(_ image: Image) async throws {
        // The course reserves parts of a GPU. Without one, parts of a core show the same.
        let resources = NodeResources.detected().gpus.isEmpty ? Resources(cpus: 0.3) : Resources(gpus: 0.3)
        let scaling = Autoscaling(minReplicas: 2, maxReplicas: 3, downscaleDelay: .seconds(2))
        let options = Segmenter.options(autoscaling: scaling, maxOngoingRequests: 100, resources: resources)
        let sharpenThenSegment = SharpenThenSegment.bind(segmenter: segmenter(options))
        try await Serve.run(Ingress.bind(processor: sharpenThenSegment), name: "resource_and_scaling")
        print("7. Replicas:", await Self.segmenters())
        // Eight clients are more than two requests for each of two replicas, so a third one starts.
        let port = await Serve.port ?? port
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { while await Self.segmenters() < 3 { _ = try await Self.post(image, to: port) } }
            }
            try await group.waitForAll()
        }
        print("7. Under load:", await Self.segmenters())
        for await _ in await Serve.statusUpdates() where await Self.segmenters() == 2 { break }
        print("7. At rest again:", await Self.segmenters())
        try show(try await post(image), as: "resource_and_scaling")
        try await Serve.delete("resource_and_scaling")
    }

    private func deploymentGraph(_ image: Image) async throws {
        let graph = Graphs(segmenter: segmenter).basicLinear()
        try await Serve.run(GraphDriver.bind(graph), name: "basic_linear")
        print("8. Graph:", try graph.graph.nodes.filter { $0.kind == .call }.map(\.name).joined(separator: ", "))
        try show(try await post(image), as: "basic_linear")
        try await Serve.delete("basic_linear")
    }

    private func post(_ image: Image) async throws -> ByteBuffer {
        try await Self.post(image, to: await Serve.port ?? port)
    }

    /// Posts a picture as `requests.post` does in the notebook, and returns the answer's array.
    private static func post(_ image: Image, to port: Int) async throws -> ByteBuffer {
        var request = HTTPClientRequest(url: "http://localhost:\(port)/")
        request.method = .POST
        request.headers.add(name: "accept", value: "application/x-npy")
        // The shared client gives up on content that gzip makes more than 25 times smaller, such as this array.
        request.headers.add(name: "accept-encoding", value: "identity")
        request.body = .bytes(ByteBuffer(bytes: try image.png()))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 16 << 20)
        guard response.status == .ok else {
            throw AnswerError(description: "\(response.status): \(String(buffer: body))")
        }
        return body
    }

    private func show(_ map: SegmentationMap, as name: String) throws {
        try show(Tensor(shape: [map.height, map.width], values: map.labels).npy(), as: name)
    }

    private func show(_ file: ByteBuffer, as name: String) throws {
        guard let folder else { return }
        try write(file.readableBytesView, to: "\(folder)/\(name).npy")
    }

    private func describe(_ map: SegmentationMap, _ classes: [LegendEntry]) -> String {
        map.labelsByFrequency()
            .map { "\(classes[Int($0)].name) \(100 * map.histogram()[Int($0)] / map.labels.count) %" }
            .joined(separator: ", ")
    }

    /// How many replicas of the model run.
    private static func segmenters() async -> Int {
        let status = await Serve.status().applications["resource_and_scaling"]?.deployments["Segmenter"]
        return status?.replicas.count { $0.state == .running } ?? 0
    }
}

struct AnswerError: Error, CustomStringConvertible {
    let description: String
}
