import Foundation
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("Warm-up")
struct WarmUpTests {
    private func session(_ name: String) throws -> ONNXSession {
        let options = ONNXSessionOptions(intraOpThreads: 1)
        return try ONNXSession(.path(Golden.model(name)), runtime: Golden.runtime(), options: options)
    }

    @Test("A model runs with the given sizes and shapes")
    func runs() async throws {
        let picture = try session("picture")
        #expect(try await picture.warmUp(.none) == 0)
        #expect(try await picture.warmUp(.sizes(["batch": 2, "height": 8, "width": 9])) == 1)
        #expect(try await picture.warmUp(.shapes([["pixels": [1, 3, 4, 4]], ["pixels": [3, 3, 5, 6]]])) == 2)
        #expect(try await session("batch-unnamed").warmUp(.sizes(["x[0]": 4])) == 1)
        #expect(try await session("scalar").warmUp(.sizes([:])) == 1)
        #expect(try await session("join").warmUp(.sizes(["batch": 3])) == 1)
    }

    @Test("A warm-up that the model cannot run is an error that names the problem")
    func refused() async throws {
        let picture = try session("picture")
        let attempts: [(ONNXWarmUp, String)] = [
            (.sizes(["batch": 1, "height": 8]), "'width'"),
            (.sizes(["batch": 0, "height": 8, "width": 8]), "'batch' is 0"),
            (.shapes([["pixels": [1, 4, 8, 8]]]), "[batch, 3, height, width]"), (.shapes([["pixel": [1]]]), "'pixels'"),
            (.shapes([["pixels": [.max, .max]]]), "'pixels'"), (.recorded(-1), "recordedShapes"),
            (.recorded(1000), "256"),
        ]
        for (warmUp, words) in attempts {
            let error = await #expect(throws: ONNXError.self) { try await picture.warmUp(warmUp) }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
        let unnamed = try session("batch-unnamed")
        let error = await #expect(throws: ONNXError.self) { try await unnamed.warmUp(.sizes([:])) }
        #expect(error?.message.contains("'x[0]'") == true)
    }

    private func value(_ shape: [Int]) throws -> [String: ONNXValue] {
        ["pixels": .tensor(try Tensor(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *))))]
    }

    @Test("Shapes of real runs are available at the next start, each once and up to the limit")
    func recorded() async throws {
        let path = try Golden.model("picture")
        let session = try session("picture")
        try await withTemporaryFolder { cache in
            let first = try ONNXShapeRecorder(path: path, limit: 2, cacheFolder: cache)
            #expect(try await session.warmUp(.recorded(2), recorder: first) == 0)
            for shape in [[1, 3, 4, 4], [1, 3, 4, 4], [2, 3, 4, 4], [3, 3, 4, 4]] { await first.note(try value(shape)) }

            let second = try ONNXShapeRecorder(path: path, limit: 2, cacheFolder: cache)
            #expect(try await session.warmUp(.recorded(2), recorder: second) == 2)
            // Shapes of one model are not used for another, and nothing is stored outside the one file.
            let other = try ONNXShapeRecorder(path: try Golden.model("layers"), limit: 2, cacheFolder: cache)
            #expect(try await session.warmUp(.recorded(2), recorder: other) == 0)
            let files = try FileManager.default.contentsOfDirectory(atPath: cache + "/shapes")
            #expect(files.count == 1)
        }
    }

    @Test("Two replicas that record at once keep each other's shapes")
    func merged() async throws {
        let path = try Golden.model("picture")
        try await withTemporaryFolder { cache in
            let (one, two) = (
                try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache),
                try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache)
            )
            await one.note(try value([1, 3, 4, 4]))
            await two.note(try value([2, 3, 4, 4]))
            let next = try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache)
            #expect(try await session("picture").warmUp(.recorded(9), recorder: next) == 2)
        }
    }

    @Test("A recorded file that is damaged, or holds shapes that the model refuses, does no harm")
    func damaged() async throws {
        let path = try Golden.model("picture")
        let session = try session("picture")
        try await withTemporaryFolder { cache in
            let recorder = try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache)
            await recorder.note(try value([1, 3, 4, 4]))
            // A shape that the model refuses, as a changed file would have.
            await recorder.note(["pixels": .tensor(try Tensor(shape: [1], values: [Float(0)]))])
            let next = try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache)
            #expect(try await session.warmUp(.recorded(9), recorder: next) == 1)

            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: cache + "/shapes").first)
            try Data("{\"model\":".utf8).write(to: URL(filePath: "\(cache)/shapes/\(name)"))
            let damaged = try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: cache)
            #expect(try await session.warmUp(.recorded(9), recorder: damaged) == 0)
        }
    }

    @Test("An unwritable folder only loses the record")
    func unwritable() async throws {
        try await withTemporaryFolder { folder in
            try Data().write(to: URL(filePath: folder + "/file"))
            let path = try Golden.model("picture")
            let recorder = try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: folder + "/file")
            await recorder.note(try value([1, 3, 4, 4]))
            #expect(try ONNXShapeRecorder(path: path, limit: 9, cacheFolder: folder + "/file").isEmpty)
        }
    }
}
