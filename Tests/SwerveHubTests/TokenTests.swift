import HTTPTypes
import Hummingbird
import SwerveHub
import Synchronization
import Testing

@Suite("Tokens and redirects")
struct TokenTests {
    @Test("A storage that the hub redirects to never sees the token")
    func storage() async throws {
        try await World.run(model) { world async throws in
            let seen = Mutex<[Received]>([])
            let storage: Handler = { request in
                let received = Received(request)
                seen.withLock { $0.append(received) }
                return FakeHub.storage(model, received)
            }
            try await withServer(storage) { address async throws in
                world.hub.set {
                    $0.storage = address
                    $0.token = "hf_secret"
                }
                _ = try await world.load { $0.token = "hf_secret" }
                #expect(world.bytes("onnx/model.onnx") == model["onnx/model.onnx"]?.bytes)
                #expect(world.hub.received.allSatisfy { $0.authorization == "Bearer hf_secret" })
                let received = seen.withLock { $0 }
                #expect(received.map(\.method) == ["GET"])
                #expect(received.allSatisfy { $0.authorization == nil })
                #expect(!world.log.all.contains { $0.contains("hf_secret") })
            }
        }
    }

    @Test(
        "A redirect within the hub keeps the token, relative or absolute",
        arguments: [true, false],
        [302, 307, 308]
    )
    func withinHub(isRelative: Bool, status: Int) async throws {
        try await World.run(model) { world async throws in
            let address = world.address
            world.hub.set {
                $0.token = "hf_secret"
                $0.fault = { received in
                    guard received.path.hasPrefix("/owner/name/"), !received.path.contains("?") else { return nil }
                    guard !received.path.hasPrefix("/owner/name/resolve/\(FakeHub.commit)/moved/") else { return nil }
                    guard received.path.hasSuffix("/config.json") else { return nil }
                    let place = "/owner/name/resolve/\(FakeHub.commit)/moved/config.json"
                    return Response(
                        status: .init(code: status),
                        headers: [.location: isRelative ? place : address + place]
                    )
                }
                $0.files["moved/config.json"] = FakeFile("{}")
            }
            _ = try await world.load(["config.json"]) { $0.token = "hf_secret" }
            let moved = world.hub.received.filter { $0.path.contains("/moved/") }
            #expect(moved.map(\.method) == ["HEAD", "GET"])
            #expect(moved.allSatisfy { $0.authorization == "Bearer hf_secret" })
        }
    }

    @Test("Another port of the same host is another server: it does not get the token")
    func otherPort() async throws {
        try await World.run(model) { world async throws in
            let seen = Mutex<[Received]>([])
            let mirror: Handler = { request in
                seen.withLock { $0.append(Received(request)) }
                return try await world.hub.respond(to: request)
            }
            try await withServer(mirror) { address async throws in
                world.hub.set {
                    $0.fault = { received in
                        guard seen.withLock({ $0.isEmpty }), received.path.hasPrefix("/api/") else { return nil }
                        return Response(status: .found, headers: [.location: address + received.path])
                    }
                }
                _ = try await world.load(["config.json"]) { $0.token = "hf_secret" }
                #expect(seen.withLock { $0.map(\.authorization) } == [nil])
            }
        }
    }

    @Test("Endless redirects are stopped")
    func endlessRedirects() async throws {
        try await World.run(model) { world async throws in
            world.hub.set { $0.fault = { Response(status: .found, headers: [.location: $0.path]) } }
            let error = try await world.error()
            #expect(error.code == .server)
            #expect(error.message.contains("maximumRedirects"))
            #expect(world.hub.received.count == 11)
        }
    }

    @Test(
        "Redirects to invalid addresses or other protocols are not followed",
        arguments: ["ftp://x/y", "http://", ""]
    )
    func strangeRedirects(location: String) async throws {
        try await World.run(model) { world async throws in
            world.hub.set { state in
                state.fault = { $0.method == "HEAD" ? Response(status: .found, headers: [.location: location]) : nil }
            }
            #expect(try await world.error().code == .server)
        }
    }

    @Test("When the hub refuses a request, the error says what to do")
    func refusals() async throws {
        try await World.run(model) { world async throws in
            func refuse(_ status: Int, _ code: String?, _ message: String = "") async throws -> HubError {
                world.hub.set {
                    $0.fault = { _ in
                        var headers: HTTPFields = [FakeHub.field("X-Error-Message"): message]
                        headers[FakeHub.field("X-Error-Code")] = code
                        return Response(status: .init(code: status), headers: headers)
                    }
                }
                return try await world.error()
            }
            #expect(try await refuse(403, "GatedRepo").code == .gated)
            #expect(try await refuse(401, "GatedRepo").message.contains("accept its conditions"))
            #expect(try await refuse(404, "RepoNotFound").message.contains("no such repository"))
            #expect(try await refuse(401, "RepoNotFound").code == .notFound)
            #expect(try await refuse(404, "RevisionNotFound").message.contains("no such revision"))
            #expect(try await refuse(404, "EntryNotFound").message.contains("no such file"))
            #expect(try await refuse(401, nil).message.contains("HF_TOKEN"))
            #expect(try await refuse(403, nil, "token is read-only").message.contains("'token is read-only'"))
            #expect(try await refuse(418, nil).code == .server)
            #expect(world.tree().isEmpty)
        }
    }

    @Test("A file may be gated while the listing is open")
    func gatedFile() async throws {
        try await World.run(model) { world async throws in
            world.hub.set {
                $0.fault = { $0.method == "HEAD" ? FakeHub.error(403, "GatedRepo", "Access is restricted") : nil }
            }
            #expect(try await world.error().code == .gated)
        }
    }

    @Test("A token that could break a header is refused without being shown")
    func brokenToken() async throws {
        try await World.run(model) { world async throws in
            let error = try await world.error { $0.token = "hf_x\r\nEvil: 1" }
            #expect(error.code == .invalidOption)
            #expect(!error.message.contains("hf_x"))
            #expect(world.hub.received.isEmpty)
        }
    }
}
