import Foundation
import Hummingbird
import NIOCore
import SwerveHub
import Synchronization
import Testing

@Suite("Without the hub")
struct OfflineTests {
    @Test("Offline, the cache is used and nothing is requested")
    func offline() async throws {
        try await World.run(model) { world async throws in
            let online = try await world.load()
            let before = world.hub.received.count
            #expect(try await world.load { $0.isOffline = true } == online)
            #expect(try await world.load(["*.json"]) { $0.isOffline = true }.files == ["config.json"])
            #expect(world.hub.received.count == before)
            #expect(
                try await world.loader { $0.isOffline = true }.list("owner/name") == world.loader().list("owner/name")
            )
        }
    }

    @Test("Offline, the error names what is not cached and how to get it")
    func missing() async throws {
        try await World.run(model) { world async throws in
            let nothing = try await world.error { $0.isOffline = true }
            #expect(nothing.code == .offline)
            #expect(nothing.message.contains("nothing of owner/name at 'main'"))
            #expect(nothing.message.contains("load it once without HF_HUB_OFFLINE"))

            _ = try await world.load(["config.json"])
            let some = try await world.error { $0.isOffline = true }
            #expect(some.message.contains("'onnx/labels.txt', 'onnx/model.onnx'"))
            #expect(try await world.error(["config.json", "x"]) { $0.isOffline = true }.message.contains("'x'"))
            #expect(try await world.error(revision: "v2") { $0.isOffline = true }.code == .offline)
            await #expect(throws: HubError.self) {
                try await world.loader { $0.isOffline = true }.list("owner/other")
            }
        }
    }

    @Test("When the hub is unreachable, fails or denies access, the cache is used at once, with a warning")
    func fallback() async throws {
        try await World.run(model) { world async throws in
            let online = try await world.load()
            #expect(try await world.load { $0.endpoint = "http://127.0.0.1:1" } == online)
            let faults = [(503, ""), (401, "RepoNotFound"), (403, "GatedRepo"), (401, "")]
            for (status, code) in faults {
                world.hub.set { $0.fault = { _ in FakeHub.error(status, code, "no") } }
                let before = world.hub.received.count
                #expect(try await world.load() == online)
                #expect(world.hub.received.count == before + 1)
            }
            #expect(
                world.log.all.filter { $0.hasPrefix("warning: the hub cannot be used; using the cache") }.count == 5
            )
            #expect(world.pauses.all.isEmpty)
            #expect(try await world.loader { $0.endpoint = "http://127.0.0.1:1" }.list("owner/name").files.count == 3)
        }
    }

    @Test("A silent hub is asked once, for the deadline, and then the cache is used, with a warning")
    func silent() async throws {
        try await World.run(model) { world async throws in
            let online = try await world.load()
            let (hub, clock) = (world.gate(), world.gate())
            world.hub.set {
                $0.fault = { _ in
                    await hub.pass()
                    return nil
                }
            }
            let deadlines = Pauses()
            let loader = world.loader(timer: { deadline in
                deadlines.add(deadline)
                await clock.pass()
            })
            let before = world.hub.received.count
            async let snapshot = loader.load("owner/name")
            await hub.arrivals(1)
            await clock.arrivals(1)
            clock.open()
            #expect(try await snapshot == online)
            async let chosen = loader.load("owner/name") { .matching($0.files.map(\.path)) }
            #expect(try await chosen.files == online.files)
            #expect(try await loader.list("owner/name").files.count == 3)
            #expect(deadlines.all == [.seconds(3), .seconds(3), .seconds(3)])
            #expect(world.hub.received.count == before + 3)
            #expect(world.pauses.all.isEmpty)
            #expect(
                world.log.all.contains {
                    $0.hasPrefix("warning: the hub cannot be used")
                        && $0.contains("3.0 seconds, the limit fallbackDeadline")
                }
            )
        }
    }

    @Test("A hub that falls silent within the list of files is given up at the same deadline")
    func silentWithin() async throws {
        try await World.run(model) { world async throws in
            let online = try await world.load()
            let (hub, clock) = (world.gate(), world.gate())
            world.hub.set {
                $0.fault = { _ in
                    Response(
                        status: .ok,
                        body: ResponseBody { writer in
                            try await writer.write(ByteBuffer(string: "{"))
                            await hub.pass()
                            throw CancellationError()
                        }
                    )
                }
            }
            let loader = world.loader(timer: { _ in await clock.pass() })
            async let snapshot = loader.load("owner/name")
            await hub.arrivals(1)
            clock.open()
            #expect(try await snapshot == online)
        }
    }

    @Test("An empty or incomplete cache waits for the hub with patience")
    func patient() async throws {
        try await World.run(model) { world async throws in
            let deadlines = Pauses()
            let loader = world.loader(timer: { deadlines.add($0) })
            let failures = Mutex(3)
            world.hub.set {
                $0.fault = { _ in
                    let fails = failures.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                    return fails ? Response(status: .serviceUnavailable) : nil
                }
            }
            _ = try await loader.load("owner/name", files: ["config.json"])
            #expect(try await loader.load("owner/name", revision: FakeHub.commit).files.count == 3)
            #expect(world.pauses.all.count == 3)
            #expect(deadlines.all.isEmpty)
        }
    }

    @Test("A plain 404, as of a mirror that lacks the repository, leaves the cache, with a warning")
    func mirror() async throws {
        try await World.run(model) { world async throws in
            world.hub.set { $0.fault = { _ in Response(status: .notFound) } }
            #expect(try await world.error().code == .notFound)
            world.hub.set { $0.fault = nil }
            let online = try await world.load()
            world.hub.set { $0.fault = { _ in Response(status: .notFound) } }
            #expect(try await world.load() == online)
            #expect(
                world.log.all.contains { $0.hasPrefix("warning: the hub cannot be used") && $0.contains("not_found") }
            )
            // The hub itself says what is missing.
            for code in ["RevisionNotFound", "EntryNotFound"] {
                world.hub.set { $0.fault = { _ in FakeHub.error(404, code, "no") } }
                #expect(try await world.error().code == .notFound)
            }
        }
    }

    @Test("A revision that the hub no longer has is an error, even if the cache has it")
    func revisionGone() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load()
            world.hub.set { $0.revisions = [:] }
            #expect(try await world.error().code == .notFound)
        }
    }

    @Test("With an unreachable hub and nothing cached, the error says both")
    func unreachable() async throws {
        try await World.run(model) { world async throws in
            let error = try await world.error { $0.endpoint = "http://127.0.0.1:1" }
            #expect(error.code == .unreachable)
            #expect(error.message.contains("http://127.0.0.1:1/api/models/owner/name"))
            #expect(error.message.contains("has nothing of owner/name"))
            #expect(world.pauses.all.count == 4)
        }
    }

    @Test("A load that stops halfway leaves the revision unchanged")
    func oldRevisionStays() async throws {
        try await World.run(model) { world async throws in
            let old = try await world.load()
            world.hub.set {
                $0.revisions["main"] = FakeHub.otherCommit
                $0.files["new.bin"] = FakeFile(large: pattern(10))
                $0.fault = { $0.path.hasSuffix("new.bin") ? Response(status: .notFound) : nil }
            }
            #expect(try await world.error().code == .notFound)
            #expect(try await world.load { $0.isOffline = true } == old)
        }
    }

    @Test("A damaged reference, listing or file in the cache is repaired")
    func damaged() async throws {
        try await World.run(model) { world async throws in
            let whole = try await world.load()
            let blob = "\(world.repositoryFolder)/blobs/\(try #require(model["config.json"]).etag)"
            try world.write([], "\(world.repositoryFolder)/refs/main")
            try world.write(Array("{".utf8), "\(world.repositoryFolder)/trees/\(FakeHub.commit).json")
            try world.write([1], blob)
            try FileManager.default.removeItem(
                atPath: "\(world.repositoryFolder)/blobs/\(try #require(model["onnx/model.onnx"]).etag)"
            )
            #expect(try await world.error { $0.isOffline = true }.code == .offline)
            #expect(try await world.load() == whole)
            for (path, file) in model { #expect(world.bytes(path) == file.bytes) }
            #expect(try await world.load { $0.isOffline = true } == whole)
        }
    }
}
