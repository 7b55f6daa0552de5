import Foundation
import Hummingbird
import SwerveHub
import SwerveModels
import SwerveONNX
import Testing

@Suite("One commit for a deployment", .timeLimit(.minutes(5)))
struct CommitTests {
    /// A deploy: the name of the model with its commit.
    private func deployed(_ world: World, _ change: (inout ModelHubOptions) -> Void = { _ in }) async throws
        -> ModelName
    {
        try await ModelName("owner/name").resolved(by: world.loader(change))
    }

    private let files = ModelFiles(others: ["config.json"])

    @Test("The hub is asked once at the deploy; replicas get that commit, and later ones ask nothing")
    func once() async throws {
        try await World.run(model) { world async throws in
            let name = try await deployed(world)
            #expect(name.commit == FakeHub.commit)
            #expect(name.text == "owner/name" && name.revision == "main")
            #expect(world.hub.received.map(\.path) == ["/api/models/owner/name/revision/main"])

            // The branch moves, but not for the replicas of this deploy.
            world.hub.set {
                $0.revisions = ["main": FakeHub.otherCommit, "old": FakeHub.commit]
            }
            let first = try await name.folder(files: files, hub: world.loader())
            #expect(first.commit == FakeHub.commit)
            #expect(first.path == world.snapshotFolder)
            #expect(!world.hub.received.dropFirst().contains { $0.path.hasPrefix("/api/") })

            // A replica that takes the place of a failed one.
            let before = world.hub.received.count
            #expect(try await name.folder(files: files, hub: world.loader()) == first)
            #expect(world.hub.received.count == before)

            // The next deploy gets the new commit.
            #expect(try await deployed(world).commit == FakeHub.otherCommit)
        }
    }

    @Test("When the hub cannot be used, the deploy gets the commit that the cache has, without a pause")
    func cached() async throws {
        try await World.run(model) { world async throws in
            _ = try await deployed(world).folder(files: files, hub: world.loader())
            world.hub.set { $0.revisions = ["main": FakeHub.otherCommit] }
            #expect(try await deployed(world) { $0.isOffline = true }.commit == FakeHub.commit)
            #expect(try await deployed(world) { $0.endpoint = "http://127.0.0.1:1" }.commit == FakeHub.commit)
            world.hub.set { $0.fault = { _ in Response(status: .serviceUnavailable) } }
            let before = world.hub.received.count
            #expect(try await deployed(world).commit == FakeHub.commit)
            #expect(world.hub.received.count == before + 1)
            #expect(world.pauses.all.isEmpty)
        }
    }

    @Test("After a deploy without the hub, replicas use a cache without a listing, as Python leaves it, and ask once")
    func withoutListing() async throws {
        try await World.run(model) { world async throws in
            _ = try await deployed(world).folder(files: files, hub: world.loader())
            try FileManager.default.removeItem(atPath: world.repositoryFolder + "/trees")
            world.hub.set { $0.fault = { _ in Response(status: .serviceUnavailable) } }
            let name = try await deployed(world)
            let before = world.hub.received.count
            #expect(try await name.folder(files: files, hub: world.loader()).commit == FakeHub.commit)
            #expect(world.hub.received.count == before + 1)
            #expect(world.pauses.all.isEmpty)
            // What is missing is asked for.
            await #expect(throws: HubError.self) {
                try await name.folder(files: ModelFiles(others: ["onnx/labels.txt"]), hub: world.loader())
            }
            #expect(world.hub.received.count > before)
        }
    }

    // Otherwise a hub that is down for a moment would restart every replica at the next deploy.
    @Test("A hub that cannot be used changes nothing of what a deploy encodes")
    func sameName() async throws {
        try await World.run(model) { world async throws in
            let online = try await deployed(world)
            _ = try await online.folder(files: files, hub: world.loader())
            world.hub.set { $0.fault = { _ in Response(status: .serviceUnavailable) } }
            let away = try await deployed(world)
            #expect(away == online)
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            #expect(try encoder.encode(away) == encoder.encode(online))
        }
    }

    @Test("A load of a given commit leaves the branch in the cache alone, unless the branch's files are not all there")
    func givenCommit() async throws {
        try await World.run(model) { world async throws in
            func branch() -> String? {
                world.contents(world.repositoryFolder + "/refs/main").map { String(decoding: $0, as: UTF8.self) }
            }
            func lose(_ path: String, _ commit: String) throws {
                try FileManager.default.removeItem(atPath: "\(world.repositoryFolder)/snapshots/\(commit)/\(path)")
            }
            func loadOld() async throws -> String {
                try await world.loader().load("owner/name", commit: FakeHub.commit, files: ["config.json"]).commit
            }
            world.hub.set { $0.revisions = ["main": FakeHub.otherCommit, "old": FakeHub.commit] }
            _ = try await world.load(["config.json"])
            #expect(branch() == FakeHub.otherCommit)
            #expect(try await loadOld() == FakeHub.commit)
            #expect(branch() == FakeHub.otherCommit)
            try lose("config.json", FakeHub.otherCommit)
            try lose("config.json", FakeHub.commit)
            #expect(try await loadOld() == FakeHub.commit)
            #expect(branch() == FakeHub.commit)
        }
    }

    @Test("When neither the hub nor the cache tells, the deploy goes on, and the replicas try themselves")
    func unknown() async throws {
        try await World.run(model) { world async throws in
            world.hub.set { $0.fault = { _ in Response(status: .serviceUnavailable) } }
            let name = try await deployed(world)
            #expect(name == ModelName("owner/name"))
            #expect(world.hub.received.count == 1)
            #expect(world.pauses.all.isEmpty)
            world.hub.set { $0.fault = nil }
            #expect(try await name.folder(files: files, hub: world.loader()).commit == FakeHub.commit)
        }
    }

    @Test("A silent hub holds up a deploy for the deadline")
    func silent() async throws {
        try await World.run(model) { world async throws in
            let (hub, clock) = (world.gate(), world.gate())
            world.hub.set {
                $0.fault = { _ in
                    await hub.pass()
                    return nil
                }
            }
            let loader = world.loader(timer: { _ in await clock.pass() })
            async let name = ModelName("owner/name").resolved(by: loader)
            await hub.arrivals(1)
            clock.open()
            #expect(try await name.commit == nil)
        }
    }

    @Test("A load of a commit waits for it, and refuses another one")
    func wrongCommit() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load()
            await #expect(throws: HubError.self) {
                try await world.loader().load("owner/name", commit: FakeHub.otherCommit)
            }
            world.hub.set { $0.revisions[FakeHub.otherCommit] = FakeHub.commit }
            let error = await #expect(throws: HubError.self) {
                try await world.loader().load("owner/name", commit: FakeHub.otherCommit)
            }
            #expect(error?.code == .server)
            #expect(error?.message.contains("instead of \(FakeHub.otherCommit)") == true)
            let invalid = await #expect(throws: HubError.self) {
                try await world.loader().load("owner/name", commit: "main")
            }
            #expect(invalid?.code == .invalidName)
        }
    }

    @Test("Paths have no commit")
    func paths() async throws {
        let hub = ModelHub(ModelHubOptions { _ in nil })
        for path in ["/nowhere", "./owner/name", "~/model", "no name at all"] {
            #expect(try await ModelName(path).resolved(by: hub) == ModelName(path))
        }
        let literal: ModelName = "owner/name"
        #expect(literal == ModelName("owner/name", revision: "main"))
        let copy = try JSONDecoder().decode(ModelName.self, from: JSONEncoder().encode(literal))
        #expect(copy == literal)
    }

    // MARK: Git LFS

    private static let pointer = """
        version https://git-lfs.github.com/spec/v1
        oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
        size 3000000

        """

    @Test("A Git LFS pointer that was uploaded as a model is named as such")
    func uploadedPointer() async throws {
        let files = ["config.json": FakeFile("{}"), "onnx/model.onnx": FakeFile(Self.pointer)]
        try await World.run(files) { world async throws in
            let error = await #expect(throws: ONNXError.self) {
                try await ModelSource.resolve("owner/name", hub: world.loader())
            }
            #expect(error?.code == .invalidModel)
            #expect(
                error?.message.hasPrefix("onnx/model.onnx of owner/name is a Git LFS pointer on the hub too") == true
            )
            #expect(error?.message.contains("`git lfs pull`") == true)
        }
    }

    @Test("A server that sends a Git LFS pointer instead of a large file is named as such")
    func sentPointer() async throws {
        try await World.run(model) { world async throws in
            world.hub.set {
                $0.fault = { received in
                    guard received.method == "GET", received.path.hasSuffix("model.onnx") else { return nil }
                    return Response(status: .ok, body: .init(byteBuffer: .init(string: Self.pointer)))
                }
            }
            let error = try await world.error()
            #expect(error.code == .checksumMismatch)
            #expect(error.message.contains("'onnx/model.onnx' of owner/name: the server sent a Git LFS pointer"))
            #expect(error.message.contains("`git lfs pull`"))
        }
    }
}
