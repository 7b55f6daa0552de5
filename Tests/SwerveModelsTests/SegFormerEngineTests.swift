import Foundation
import Logging
import SwerveONNX
import SwerveTensor
import SwerveVision
import Synchronization
import TestSupport
import Testing

@testable import SwerveModels

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

    @Test("A session that was to use OpenVINO and does not says so in the log, with the reason and what to install")
    func fallback() async throws {
        // A property that OpenVINO does not know: it fails with the library and without.
        let broken = ONNXProvider.openVINO(precision: .f32, settings: ["NO_SUCH_PROPERTY": "1"])
        let runtime = try Golden.runtime()
        // Its shapes are fixed, so OpenVINO compiles it at once.
        let path = try Golden.model("batch-fixed")
        func lines(_ providers: [ONNXProvider]) throws -> [String] {
            let book = LogBook()
            let options = ONNXSessionOptions(intraOpThreads: 1, providers: providers)
            let session = try ONNXSession(.path(path), runtime: runtime, options: options)
            session.warnOfFallback(of: "shapes", to: Logger(label: "test") { _ in book })
            return book.lines
        }
        #expect(try lines([.cuda(), .cpu]) == [])
        let warnings = try lines([.cuda(), broken, .cpu])
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("warning: OpenVINO does not run the model") == true)
        #expect(warnings.first?.contains("model=shapes") == true)
        #expect(warnings.first?.contains(openVINO == nil ? "pip install openvino" : "NO_SUCH_PROPERTY") == true)
        if openVINO != nil { #expect(try lines([broken, .openVINO(precision: .f32), .cpu]) == []) }
    }

    @Test("Without the library, the reason says what to install")
    func missing() {
        let error = #expect(throws: ONNXError.self) {
            try OpenVINOLibrary.load(ONNXLibrarySearch(candidates: ["/nowhere/libopenvino_c.so"]))
        }
        #expect(error?.message.contains("Install it with `pip install openvino`") == true)
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

/// Keeps the log lines.
private struct LogBook: LogHandler {
    private final class Lines: Sendable {
        let list = Mutex<[String]>([])
    }
    private let kept = Lines()
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    var lines: [String] { kept.list.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
        kept.list.withLock { $0.append("\(event.level): \(event.message)\(facts)") }
    }
}
