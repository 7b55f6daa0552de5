import Foundation
import SwerveONNX
import SwerveTensor
import Synchronization
import TestSupport
import Testing

@Suite("Shared sessions and weights")
struct SharingTests {
    private let options = ONNXSessionOptions(intraOpThreads: 1)

    @Test("A file with the same options has one session in a process, as long as someone holds it")
    func oneSession() async throws {
        let runtime = try Golden.runtime()
        try await withTemporaryFolder { folder in
            let path = folder + "/model.onnx"
            try FileManager.default.copyItem(atPath: Golden.model("scalar"), toPath: path)
            let first = try await ONNXSession.shared(path, runtime: runtime, options: options)
            #expect(try await ONNXSession.shared(path, runtime: runtime, options: options) === first)
            // The same file under another path.
            #expect(
                try await ONNXSession.shared(folder + "/./model.onnx", runtime: runtime, options: options) === first
            )
            var other = options
            other.concurrentRuns = 2
            #expect(try await ONNXSession.shared(path, runtime: runtime, options: other) !== first)

            // A file of the same name is another model.
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.copyItem(atPath: Golden.model("several"), toPath: path)
            let second = try await ONNXSession.shared(path, runtime: runtime, options: options)
            #expect(second !== first)
            #expect(second.inputs.count == 3)
        }
    }

    @Test("A shared session is closed when its last holder is gone")
    func released() async throws {
        let runtime = try Golden.runtime()
        try await withTemporaryFolder { folder in
            let path = folder + "/model.onnx"
            try FileManager.default.copyItem(atPath: Golden.model("scalar"), toPath: path)
            weak var session: ONNXSession?
            do {
                let held = try await ONNXSession.shared(path, runtime: runtime, options: options)
                session = held
                #expect(session != nil)
            }
            // The task that loaded the session may still be ending.
            for _ in 0..<10_000 where session != nil { await Task.yield() }
            #expect(session == nil)
        }
    }

    @Test("Concurrent callers wait for one load, and a failed load is tried again")
    func singleFlight() async throws {
        let runtime = try Golden.runtime()
        let path = try Golden.model("layers")
        let sessions = try await withThrowingTaskGroup(of: ONNXSession.self) { group in
            for _ in 0..<16 {
                group.addTask { try await ONNXSession.shared(path, runtime: runtime, options: options) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(sessions.map(ObjectIdentifier.init)).count == 1)

        try await withTemporaryFolder { folder in
            let path = folder + "/model.onnx"
            try Data("no model".utf8).write(to: URL(filePath: path))
            for _ in 0..<2 {
                let error = await #expect(throws: ONNXError.self) {
                    try await ONNXSession.shared(path, runtime: runtime, options: options)
                }
                #expect(error?.code == .invalidModel)
            }
            // A failure is not kept: the file may be complete by now.
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.copyItem(atPath: Golden.model("scalar"), toPath: path)
            #expect(try await ONNXSession.shared(path, runtime: runtime, options: options).inputs.count == 1)
        }
        let missing = await #expect(throws: ONNXError.self) {
            try await ONNXSession.shared("/nowhere.onnx", runtime: runtime)
        }
        #expect(missing?.code == .notFound)
    }

    private func shared(_ weights: ONNXSessionOptions.Weights, _ cache: String) -> ONNXSessionOptions {
        ONNXSessionOptions(intraOpThreads: 1, weights: weights, cacheFolder: cache)
    }

    /// The names of the folders of converted models.
    private func models(_ cache: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache + "/models").sorted()
    }

    @Test(
        "Weights in a shared file give the same results, and the file is made once",
        arguments: [ONNXSessionOptions.Weights.shared, .sharedUnpacked]
    )
    func sharedWeights(weights: ONNXSessionOptions.Weights) async throws {
        let runtime = try Golden.runtime()
        let inputs = try Golden.values("in", of: "layers")
        let expected = try #require(try Golden.values("out", of: "layers")["y"]?.tensor).values(as: Float.self)
        try await withTemporaryFolder { cache in
            for name in ["layers", "external/model"] {
                let path = try Golden.model(name)
                for _ in 0..<2 {
                    let session = try ONNXSession(.path(path), runtime: runtime, options: shared(weights, cache))
                    let y = try #require(try await session.run(values: inputs)["y"]?.tensor)
                    #expect(zip(try y.values(as: Float.self), expected).allSatisfy { abs($0 - $1) < 1e-5 })
                }
            }
            let folders = try models(cache)
            #expect(folders.count == 2)
            for folder in folders {
                let file = URL(filePath: "\(cache)/models/\(folder)/weights.bin")
                let size = try #require(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize)
                #expect(size >= 2 * 256 * 256 * 4)
            }
        }
    }

    @Test("The shared file is mapped, not read")
    func mapped() async throws {
        let runtime = try Golden.runtime()
        let path = try Golden.model("layers")
        try await withTemporaryFolder { cache in
            let session = try ONNXSession(.path(path), runtime: runtime, options: shared(.shared, cache))
            guard let file = FileHandle(forReadingAtPath: "/proc/self/maps") else { return }
            let maps = String(decoding: try #require(try file.readToEnd()), as: UTF8.self)
            #expect(maps.split(separator: "\n").contains { $0.contains(cache) && $0.hasSuffix("weights.bin") })
            withExtendedLifetime(session) {}
        }
    }

    @Test("Many sessions opened at once make one file")
    func concurrently() async throws {
        let runtime = try Golden.runtime()
        let path = try Golden.model("layers")
        try await withTemporaryFolder { cache in
            let options = shared(.shared, cache)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { _ = try await ONNXSession.load(.path(path), runtime: runtime, options: options) }
                }
                try await group.waitForAll()
            }
            #expect(try models(cache).count == 1)
        }
    }

    @Test("An invalid model and an unwritable folder are typed errors")
    func failures() async throws {
        let runtime = try Golden.runtime()
        try await withTemporaryFolder { folder in
            let wrong = folder + "/wrong.onnx"
            try Data("no model".utf8).write(to: URL(filePath: wrong))
            let first = #expect(throws: ONNXError.self) {
                try ONNXSession(.path(wrong), runtime: runtime, options: shared(.shared, folder + "/cache"))
            }
            #expect(first?.code == .invalidModel)
            #expect(try models(folder + "/cache").isEmpty)
            let second = #expect(throws: ONNXError.self) {
                try ONNXSession(.path(Golden.model("layers")), runtime: runtime, options: shared(.shared, wrong))
            }
            #expect(second?.code == .cacheFailed)
            #expect(second?.message.contains(wrong) == true)
        }
    }
}
