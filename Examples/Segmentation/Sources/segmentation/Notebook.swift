import NIOCore
import Swerve
import SwerveModels
import SwerveVision

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The steps of the course in order, each actually run.
struct Notebook {
    /// The bound model. Passing it to another deployment or running it makes a new deployment each time.
    var segformer: (SegFormer.Configured) -> SegFormer
    private static let sample = "Examples/Segmentation/Samples/scene.png"

    func run() async throws {
        let bytes = try read(Self.sample)
        let image = try Image.decode(bytes)

        print("1. TextConverter: deploy it, call its handle")
        let converter = try await Serve.run(
            TextConverter.bind(),
            name: "text-converter",
            routePrefix: "/text-converter"
        )
        print("   ", try await converter.convert("hello, replicas"))

        print("2. Threshold by handle: two deployments of one type, distinguished by name")
        let low = try await Serve.run(Threshold.bind(threshold: 64), name: "low", routePrefix: "/low")
        let high = try await Serve.run(Threshold.bind(threshold: 192), name: "high", routePrefix: "/high")
        print("   ", white(try await low.apply(image)), "white at 64,", white(try await high.apply(image)), "at 192")

        print("3. Threshold over HTTP: POST a picture, get one back")
        _ = try await Serve.run(Threshold.bind(), name: "threshold", routePrefix: "/threshold")
        print("    curl --data-binary @\(Self.sample) http://localhost:\(await Serve.port ?? 0)/threshold -o out.png")

        print("4. SegFormer: the model in its own replica, from a folder or a hub")
        let segmenter = try await Serve.run(
            segformer(SegFormer.options()),
            name: "segmenter",
            routePrefix: "/segment"
        )
        print("   ", describe(try await segmenter.segment(image), try await segmenter.classes()))

        print("5. SharpenThenSegment: composition by passing one bound deployment to another")
        let composed = SharpenThenSegment.bind(segmenter: segformer(SegFormer.options()))
        let sharpened = try await Serve.run(composed, name: "composition", routePrefix: "/sharpen-then-segment")
        print("   ", describe(try await sharpened.process(image), try await segmenter.classes()))

        print("6. Ingress in front of everything: running under the same name replaces the application")
        try await Serve.run(ingress(replicas: 1), name: "segmentation", routePrefix: "/")
        print("   ", await replicas("segmentation"))

        print("7. The same flow as a graph: nodes that call each other, without any code for it in the services")
        let linear = Graphs(segformer: segformer).basicLinear()
        let driver = try await Serve.run(GraphDriver.bind(linear), name: "basic-linear", routePrefix: "/basic-linear")
        let answer = try await driver.predict(RawRequest(method: "POST", body: ByteBuffer(bytes: bytes)))
        print("    \(answer.status), a picture of \(answer.body.readableBytes) bytes, through:")
        print(try linear.graph.nodes.filter { $0.kind == .call }.map { "    \($0.name)" }.joined(separator: "\n"))

        print("8. Resources and scaling: the model with two replicas, the others untouched")
        try await Serve.run(ingress(replicas: 2), name: "segmentation", routePrefix: "/")
        print("   ", await replicas("segmentation"))
    }

    private func ingress(replicas: Int) -> Ingress {
        let resources = Resources(cpus: 0.5)
        let segmenter = segformer(
            SegFormer.options(numReplicas: replicas, maxOngoingRequests: 4, resources: resources)
        )
        return Ingress.bind(
            textConverter: TextConverter.bind(),
            threshold: Threshold.bind(),
            segmenter: segmenter,
            sharpenThenSegment: SharpenThenSegment.bind(segmenter: segmenter)
        )
    }

    private func white(_ image: Image) -> String {
        let count = image.pixels.count { $0 == 255 }
        return "\(100 * count / max(image.pixels.count, 1)) %"
    }

    private func describe(_ map: SegmentationMap, _ classes: [LegendEntry]) -> String {
        let counts = map.labels.reduce(into: [Int: Int]()) { $0[Int($1), default: 0] += 1 }
        return counts.sorted { $0.key < $1.key }
            .map { "\(classes[$0.key].name) \(100 * $0.value / map.labels.count) %" }.joined(separator: ", ")
    }

    private func replicas(_ application: String) async -> String {
        let status = await Serve.status().applications[application]
        return (status?.deployments.values.sorted { $0.id < $1.id } ?? [])
            .map { "\($0.id.deployment) × \($0.replicas.count)" }.joined(separator: ", ")
    }
}

struct FileError: Error, CustomStringConvertible {
    let description: String
    init(_ what: String, _ path: String) {
        self.description = "'\(path)' cannot be \(what): \(String(cString: strerror(errno)))"
    }
}

func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw FileError("opened", path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&block, 1, block.count, file)
        if count == 0 { return bytes }
        bytes += block[..<count]
    }
}

func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw FileError("written", path) }
    defer { fclose(file) }
    guard fputs(text, file) >= 0 else { throw FileError("written", path) }
}
