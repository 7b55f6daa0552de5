import Foundation
import Hummingbird
import NIOCore
import SwerveHub
import Testing

/// A small model: two texts, one in a folder, and a large file.
let model: [String: FakeFile] = [
    "config.json": FakeFile("{}"), "onnx/labels.txt": FakeFile("wall\nsky\n"),
    "onnx/model.onnx": FakeFile(large: pattern(3_000_000)),
]

@Suite("Loading from a hub", .timeLimit(.minutes(5)))
struct LoadTests {
    @Test("The cache has the layout of huggingface_hub")
    func layout() async throws {
        try await World.run(model) { world async throws in
            let snapshot = try await world.load()
            #expect(snapshot.commit == FakeHub.commit)
            #expect(snapshot.folder == world.snapshotFolder)
            #expect(snapshot.files == ["config.json", "onnx/labels.txt", "onnx/model.onnx"])
            #expect(snapshot.path("config.json") == world.snapshotFolder + "/config.json")
            for (path, file) in model { #expect(world.bytes(path) == file.bytes) }

            let etags = model.values.map(\.etag)
            let repository = "models--owner--name"
            #expect(
                world.tree()
                    == (etags.map { ".locks/\(repository)/\($0).lock" } + etags.map { "\(repository)/blobs/\($0)" }
                    + model.keys.map { "\(repository)/snapshots/\(FakeHub.commit)/\($0)" }
                    + ["\(repository)/refs/main", "\(repository)/trees/\(FakeHub.commit).json"]).sorted()
            )
            let link = try FileManager.default.destinationOfSymbolicLink(
                atPath: world.snapshotFolder + "/onnx/model.onnx"
            )
            #expect(link == "../../../blobs/\(try #require(model["onnx/model.onnx"]).sha256)")
            #expect(world.contents(world.repositoryFolder + "/refs/main") == Array(FakeHub.commit.utf8))
        }
    }

    @Test("Cached files are not downloaded again, and a file shared by two revisions is downloaded once")
    func cached() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load()
            let first = world.hub.received.count
            _ = try await world.load()
            #expect(world.hub.received.dropFirst(first).map(\.method) == ["GET"])

            world.hub.set { $0.revisions["v2"] = FakeHub.otherCommit }
            let second = try await world.load(revision: "v2")
            #expect(second.commit == FakeHub.otherCommit)
            #expect(world.hub.downloads("onnx/model.onnx") == 1)
        }
    }

    @Test("Only the chosen files are downloaded; a name that the revision lacks fails")
    func chosenFiles() async throws {
        try await World.run(model) { world async throws in
            #expect(try await world.load(["*.json", "onnx/labels.txt"]).files == ["config.json", "onnx/labels.txt"])
            #expect(world.hub.downloads("onnx/model.onnx") == 0)
            let error = try await world.error(["config.json", "model.safetensors"])
            #expect(error.code == .notFound)
            #expect(error.message.contains("'model.safetensors'"))
            #expect(try await world.load(.excluding(["onnx/"])).files == ["config.json"])
        }
    }

    @Test("A completely cached commit needs no network, an incomplete one does")
    func commits() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load(["config.json"], revision: FakeHub.commit)
            let before = world.hub.received.count
            #expect(try await world.load(["config.json"], revision: FakeHub.commit).commit == FakeHub.commit)
            #expect(world.hub.received.count == before)
            _ = try await world.load(revision: FakeHub.commit)
            #expect(world.hub.downloads("onnx/model.onnx") == 1)
            #expect(!FileManager.default.fileExists(atPath: world.repositoryFolder + "/refs"))
        }
    }

    @Test("A revision with slashes is requested as one path component and stored in nested folders")
    func nestedRevision() async throws {
        try await World.run(model) { world async throws in
            world.hub.set { $0.revisions["refs/pr/1"] = FakeHub.commit }
            _ = try await world.load(["config.json"], revision: "refs/pr/1")
            #expect(world.hub.received.first?.path == "/api/models/owner/name/revision/refs%2Fpr%2F1")
            #expect(world.contents(world.repositoryFolder + "/refs/refs/pr/1") == Array(FakeHub.commit.utf8))
        }
    }

    @Test("File names with spaces, percent signs and letters of all kinds are requested and stored unchanged")
    func oddNames() async throws {
        let names = ["a b.txt", "100%.txt", "näher/模型#1?.txt", "..."]
        try await World.run(Dictionary(uniqueKeysWithValues: names.map { ($0, FakeFile($0)) })) { world async throws in
            _ = try await world.load()
            for name in names { #expect(world.bytes(name) == Array(name.utf8)) }
        }
    }

    @Test("The files of a revision are listed with size and hash")
    func listing() async throws {
        try await World.run(model) { world async throws in
            let listing = try await world.loader().list("owner/name")
            let large = try #require(model["onnx/model.onnx"])
            #expect(listing.commit == FakeHub.commit)
            #expect(listing.files.map(\.path) == ["config.json", "onnx/labels.txt", "onnx/model.onnx"])
            #expect(listing.files.map(\.size) == [2, 9, 3_000_000])
            #expect(listing.files[2].sha256 == large.sha256)
            #expect(listing.files[0].sha256 == nil)
            #expect(listing.files[0].etag == model["config.json"]?.blobID)
        }
    }

    @Test("Empty files are downloaded")
    func emptyFile() async throws {
        try await World.run(["empty": FakeFile(""), "large": FakeFile(large: [])]) { world async throws in
            #expect(try await world.load().files == ["empty", "large"])
            #expect(world.bytes("empty") == [])
            #expect(world.bytes("large") == [])
        }
    }

    @Test("Files are downloaded in parallel, up to the limit")
    func parallel() async throws {
        let files = Dictionary(
            uniqueKeysWithValues: (0..<6).map { ("\($0).bin", FakeFile(large: pattern(1000, seed: $0))) }
        )
        try await World.run(files) { world async throws in
            let gate = world.gate()
            world.hub.set {
                $0.fault = { received in
                    if received.method == "GET", received.path.contains("/resolve/") { await gate.pass() }
                    return nil
                }
            }
            async let snapshot = world.load { $0.limits.parallelFiles = 3 }
            await gate.arrivals(3)
            #expect(world.hub.received.count { $0.method == "HEAD" } == 3)
            gate.open()
            #expect(try await snapshot.files.count == 6)
        }
    }
}
