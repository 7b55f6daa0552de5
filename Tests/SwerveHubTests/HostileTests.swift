import Foundation
import HTTPTypes
import Hummingbird
import SwerveHub
import Testing

@Suite("Hostile names")
struct HostileTests {
    @Test(
        "A listing cannot create files outside the snapshot",
        arguments: [
            "../evil", "a/../../evil", "/tmp/evil", "a//b", "./a", "a/.", "..", "a\\..\\b", "a\u{0}b", "a\nb",
            "a\u{202E}b", "a\u{1B}[31mb",
            "", String(repeating: "x", count: 1025),
        ]
    )
    func paths(path: String) async throws {
        try await World.run(["config.json": FakeFile("{}")]) { world async throws in
            world.hub.set { $0.listed = [path] }
            let error = try await world.error()
            #expect(error.code == .invalidName)
            #expect(!error.message.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202E })
            #expect(world.tree().isEmpty)
        }
    }

    @Test("A file below another file is an error, and no way out of the snapshot")
    func fileAsFolder() async throws {
        try await World.run(["a": FakeFile("x"), "a/b": FakeFile("y")]) { world async throws in
            #expect(try await world.error { $0.limits.parallelFiles = 1 }.code == .cacheUnusable)
        }
    }

    @Test(
        "A tag cannot create files outside the blobs",
        arguments: [
            "\"../../../evil\"", "\"a/b\"", "\"..\"", "\"\"", "\"a.lock\"",
            "\"" + String(repeating: "a", count: 129) + "\"",
        ]
    )
    func tags(tag: String) async throws {
        try await World.run(["config.json": FakeFile("{}")]) { world async throws in
            world.hub.set {
                $0.fault = { received in
                    guard received.path.contains("/resolve/") else { return nil }
                    return Response(
                        status: .ok,
                        headers: [.eTag: tag, FakeHub.field("X-Repo-Commit"): FakeHub.commit]
                    )
                }
            }
            #expect(try await world.error().message.contains("ETag"))
            #expect(world.tree().isEmpty)
        }
    }

    @Test("Weak and bare tags name a blob like strong ones", arguments: ["W/\"abc-1\"", "abc-1", "\"abc-1\""])
    func tagForms(tag: String) async throws {
        try await World.run(["config.json": FakeFile("{}")]) { world async throws in
            world.hub.set {
                $0.fault = { received in
                    guard received.path.contains("/resolve/") else { return nil }
                    return Response(
                        status: .ok,
                        headers: [.eTag: tag, FakeHub.field("X-Repo-Commit"): FakeHub.commit, .contentLength: "2"],
                        body: received.method == "HEAD" ? .init() : .init(byteBuffer: .init(string: "{}"))
                    )
                }
            }
            _ = try await world.load()
            #expect(world.contents(world.repositoryFolder + "/blobs/abc-1") == Array("{}".utf8))
        }
    }

    @Test("An invalid commit cannot name a folder")
    func commits() async throws {
        try await World.run(["config.json": FakeFile("{}")]) { world async throws in
            world.hub.set { $0.revisions["main"] = "../../evil" }
            #expect(try await world.error().code == .server)
            #expect(try await world.error(["nothing*"]).code == .server)
            #expect(world.tree().isEmpty)
        }
    }

    @Test(
        "Invalid repositories are refused before anything is requested",
        arguments: [
            "", "/", "a/b/c", "owner/", "/name", "../name", "owner/na..me", "owner--x/name", "owner/.name",
            "owner/name-",
            "owner/na me", "owner/name.git", "öwner/name", "owner/na\nme", String(repeating: "a", count: 97),
        ]
    )
    func repositories(name: String) async throws {
        try await World.run([:]) { world async throws in
            let error = await #expect(throws: HubError.self) { try await world.loader().load(name) }
            #expect(error?.code == .invalidName)
            #expect(world.hub.received.isEmpty)
        }
    }

    @Test(
        "Invalid revisions are refused",
        arguments: ["", "..", "refs/../../x", "/main", "a//b", "main\r\n", "a\\b"]
    )
    func revisions(revision: String) async throws {
        try await World.run([:]) { world async throws in
            #expect(try await world.error(revision: revision).code == .invalidName)
            #expect(world.hub.received.isEmpty)
        }
    }
}
