import Foundation
import Hummingbird
import SwerveHub
import Synchronization
import Testing

@Suite("Several loads at once", .timeLimit(.minutes(5)))
struct ConcurrencyTests {
    /// Holds the bytes of large files at the gate.
    private func hold(_ world: World, _ gate: Gate) {
        world.hub.set {
            $0.fault = { received in
                if received.method == "GET", received.path.hasSuffix("model.onnx") { await gate.pass() }
                return nil
            }
        }
    }

    @Test("Each file is downloaded once, no matter how many load it at the same time")
    func oneDownload() async throws {
        try await World.run(model) { world async throws in
            let (download, waiting) = (world.gate(), world.gate())
            hold(world, download)
            // Separate loaders, as in replicas. A loader that finds the lock taken arrives at the gate and waits for
            // the file.
            let snapshots = try await withThrowingTaskGroup(of: HubSnapshot.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await ModelHub(world.options) { _ in await waiting.pass() }.load("owner/name")
                    }
                }
                await download.arrivals(1)
                // Some loads may also have waited for the small files; all of them wait for the large one.
                await waiting.arrivals(7)
                download.open()
                waiting.open()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(snapshots).count == 1 && snapshots.count == 8)
            for path in model.keys { #expect(world.hub.downloads(path) == 1, "\(path)") }
            for (path, file) in model { #expect(world.bytes(path) == file.bytes) }
        }
    }

    @Test("Waiting for another download has a limit, and its error names the file")
    func lockTimeout() async throws {
        try await World.run(model) { world async throws in
            let gate = world.gate()
            hold(world, gate)
            async let first = world.load(["onnx/model.onnx"])
            await gate.arrivals(1)
            let error = try await world.error(["onnx/model.onnx"]) { $0.limits.lockTimeout = .seconds(30) }
            #expect(error.code == .timeout)
            #expect(error.message.contains("lockTimeout"))
            #expect(error.message.contains("'onnx/model.onnx'"))
            #expect(world.log.all.count { $0.contains("another process downloads this file") } == 3)
            // 50 ms, doubling up to 800 ms, until 30 s have passed.
            #expect(
                world.pauses.all.prefix(5) == [
                    .milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800),
                ]
            )
            #expect(world.pauses.all.reduce(.zero, +) < .seconds(31))
            gate.open()
            _ = try await first
        }
    }

    @Test("A waiting load can be cancelled without disturbing the download")
    func cancelledWait() async throws {
        try await World.run(model) { world async throws in
            let (gate, waiting) = (world.gate(), world.gate())
            hold(world, gate)
            async let first = world.load(["onnx/model.onnx"])
            await gate.arrivals(1)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let hub = ModelHub(world.options) { _ in
                        await waiting.pass()
                        try Task.checkCancellation()
                    }
                    await #expect(throws: CancellationError.self) {
                        try await hub.load("owner/name", files: ["onnx/model.onnx"])
                    }
                }
                await waiting.arrivals(1)
                group.cancelAll()
                waiting.open()
            }
            gate.open()
            #expect(try await first.files == ["onnx/model.onnx"])
        }
    }

    @Test("When a download fails, a waiting load continues it")
    func handedOn() async throws {
        try await World.run(model) { world async throws in
            let file = try #require(model["onnx/model.onnx"])
            let (gate, waiting) = (world.gate(), world.gate())
            let count = Mutex(0)
            world.hub.set {
                $0.fault = { received in
                    guard received.method == "GET", received.path.hasSuffix("model.onnx") else { return nil }
                    let isFirst = count.withLock { count in
                        count += 1
                        return count == 1
                    }
                    guard isFirst else { return nil }
                    await gate.pass()
                    return cut(file, after: 2_000_000)
                }
            }
            var options = world.options
            options.limits.attempts = 1
            let hub = ModelHub(options) { _ in await waiting.pass() }
            let results = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<2 {
                    group.addTask { (try? await hub.load("owner/name", files: ["onnx/model.onnx"])) != nil }
                }
                await gate.arrivals(1)
                await waiting.arrivals(1)
                gate.open()
                waiting.open()
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count { $0 } == 1)
            #expect(world.bytes("onnx/model.onnx") == file.bytes)
            #expect(world.hub.received.last { $0.path.hasSuffix("model.onnx") }?.range != nil)
        }
    }
}
