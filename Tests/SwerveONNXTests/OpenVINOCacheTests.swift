import Foundation
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite(
    "OpenVINO's compiled models in the cache",
    .enabled(if: OpenVINO.isInstalled, "OpenVINO is not in .venv; dev/setup.sh test installs it"),
    .timeLimit(.minutes(5))
)
struct OpenVINOCacheTests {
    private func session(_ source: ONNXSession.Source, cacheFolder: String, threads: Int = 1) throws -> ONNXSession {
        try ONNXSession(
            source,
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(
                intraOpThreads: threads,
                providers: [.openVINO(precision: .f32)],
                cacheFolder: cacheFolder
            )
        )
    }

    private let model: ONNXSession.Source

    init() throws { model = .path(try Golden.model("layers")) }

    private func outputs(of session: ONNXSession) async throws -> [String: Tensor] {
        try await session.run(values: Golden.values("in", of: "layers")).compactMapValues(\.tensor)
    }

    /// The files of compiled models, without those of ``CachedFiles`` itself.
    private func blobs(in folder: String) throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        return names.filter { $0.hasSuffix(".blob") }.map { "\(folder)/\($0)" }
    }

    @Test("The next session loads what an earlier one compiled, and gives the same results")
    func kept() async throws {
        try await withTemporaryFolder { folder in
            let first = try session(model, cacheFolder: folder)
            let expected = try await outputs(of: first)
            #expect(first.compiledModels?.all == 1)
            #expect(first.compiledModels?.cached == 0)
            #expect(try blobs(in: folder).count == 1)
            let second = try session(model, cacheFolder: folder)
            #expect(try await outputs(of: second) == expected)
            #expect(second.compiledModels?.cached == 1)
            #expect(try blobs(in: folder).count == 1)
        }
    }

    @Test("Other settings have a compiled model of their own")
    func settings() async throws {
        try await withTemporaryFolder { folder in
            _ = try await outputs(of: session(model, cacheFolder: folder))
            let other = try session(model, cacheFolder: folder, threads: 2)
            _ = try await outputs(of: other)
            #expect(other.compiledModels?.cached == 0)
        }
    }

    @Test("A damaged file is made again", arguments: [0, 1000])
    func damaged(length: Int) async throws {
        try await withTemporaryFolder { folder in
            let expected = try await outputs(of: session(model, cacheFolder: folder))
            let blob = try #require(try blobs(in: folder).first)
            let content = try Data(contentsOf: URL(filePath: blob))
            try FileManager.default.removeItem(atPath: blob)
            try content.prefix(length).write(to: URL(filePath: blob))
            let next = try session(model, cacheFolder: folder)
            #expect(try await outputs(of: next) == expected)
            #expect(next.compiledModels?.cached == 0)
            let third = try session(model, cacheFolder: folder)
            #expect(try await outputs(of: third) == expected)
            #expect(third.compiledModels?.cached == 1)
        }
    }

    @Test("Without a cache that can be written to, and for a model that is in no file, it compiles each time")
    func withoutCache() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/file"
            try Data().write(to: URL(filePath: file))
            for _ in 0..<2 {
                let session = try session(model, cacheFolder: file)
                _ = try await outputs(of: session)
                #expect(session.compiledModels?.cached == 0)
            }
            let bytes = try Data(contentsOf: URL(filePath: Golden.model("layers")))
            _ = try await outputs(of: session(.bytes(Array(bytes)), cacheFolder: folder))
            #expect(try blobs(in: folder).isEmpty)
        }
    }
}
