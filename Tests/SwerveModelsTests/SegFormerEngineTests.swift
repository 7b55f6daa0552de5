import Foundation
import SwerveModels
import SwerveONNX
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

private let openVINO = try? OpenVINOLibrary.load()

@Suite("SegFormer on several engines", .timeLimit(.minutes(5)))
struct SegFormerEngineTests {
    private static let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Examples/Segmentation")

    private func map(_ providers: [ONNXProvider]) async throws -> (map: SegmentationMap, running: String) {
        let file = try Data(contentsOf: Self.example.appending(path: "Samples/scene.png"))
        let model = try await SegFormerModel.load(
            folder: Self.example.appending(path: "Models/shapes").path,
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(intraOpThreads: 1, providers: providers)
        )
        try await model.warmUp()
        return (try await model.segment(try Image.decode(Array(file))), model.session.providerStatus.running)
    }

    @Test("The fast session runs the first provider that there is, and the trained model finds the same shapes")
    func fast() async throws {
        let exact = try await map(SegFormerOptions.defaultSession.providers)
        let fast = try await map(SegFormerOptions.fastSession.providers)
        #expect(SegFormerOptions.fastSession.providers.map(\.description).contains(fast.running))
        let same = zip(exact.map.labels, fast.map.labels).count { $0 == $1 }
        #expect(Double(same) / Double(exact.map.labels.count) > 0.995)
        #expect(Set(exact.map.labels) == Set(fast.map.labels))
    }

    @Test(
        "OpenVINO in 32 bits finds the classes of ONNX Runtime",
        .enabled(if: openVINO != nil, "OpenVINO is not in .venv; dev/setup.sh test installs it")
    )
    func exact() async throws {
        let (there, here) = (try await map([.cpu]), try await map([.openVINO(precision: .f32)]))
        #expect(here.running == "OpenVINO f32")
        // One pixel in ten thousand may be a tie that rounding decides.
        let different = zip(there.map.labels, here.map.labels).count { $0 != $1 }
        #expect(different * 10_000 <= there.map.labels.count)
    }

    @Test(
        "The precision of the fast session on a processor with bf16 is bf16",
        .enabled(if: (try? openVINO?.check("bf16")) != nil, "OpenVINO is missing, or the processor has no bf16")
    )
    func precision() async throws {
        let providers = SegFormerOptions.fastSession.providers.filter { $0 != .cuda() }
        #expect(try await map(providers).running == "OpenVINO bf16")
    }
}
