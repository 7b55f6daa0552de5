import Foundation
import Hummingbird
import NIOCore
import SwerveHub
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite("Killed processes and full disks", .timeLimit(.minutes(5)))
struct KilledTests {
    @Test("A process killed during a download leaves a working cache, and its bytes for the next load")
    func killed() async throws {
        let file = FakeFile(large: pattern(6_000_000))
        try await World.run(["config.json": FakeFile("{}"), "model.onnx": file]) { world async throws in
            let gate = world.gate()
            world.hub.set {
                $0.fault = { received in
                    guard received.method == "GET", received.path.hasSuffix("model.onnx"), received.start == 0 else {
                        return nil
                    }
                    return Response(
                        status: .ok,
                        headers: [.contentLength: "6000000"],
                        body: ResponseBody { writer in
                            try await writer.write(ByteBuffer(bytes: file.bytes[..<5_000_000]))
                            await gate.pass()
                            throw CancellationError()
                        }
                    )
                }
            }
            let (address, folder) = (world.address, world.folder)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [address = address as String, folder = folder as String] in
                var options = ModelHubOptions { _ in nil }
                options.endpoint = address
                options.cacheFolder = folder
                options.progress = .none
                let hub = ModelHub(options)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try? await hub.load("owner/name") }
                    // Some bytes of the large file must be present, and all of the other one.
                    let blobs = folder + "/models--owner--name/blobs"
                    while true {
                        let names = (try? FileManager.default.contentsOfDirectory(atPath: blobs)) ?? []
                        let isSmallWhole = names.contains { !$0.hasSuffix(".incomplete") }
                        let sizes = names.map { name in
                            let facts = try? FileManager.default.attributesOfItem(atPath: blobs + "/" + name)
                            return (facts?[.size] as? Int) ?? 0
                        }
                        if names.count == 2, sizes.contains(where: { $0 >= 2 << 20 }), isSmallWhole {
                            kill(getpid(), SIGKILL)
                        }
                        await Task.yield()
                    }
                }
            }
            let left = try #require(world.contents(world.partial(file)))
            #expect(left.count >= 2 << 20 && left == Array(file.bytes[..<left.count]))
            #expect(try await world.error { $0.isOffline = true }.code == .offline)

            #expect(try await world.load().files == ["config.json", "model.onnx"])
            #expect(world.bytes("model.onnx") == file.bytes)
            #expect(world.hub.received.last { $0.path.hasSuffix("model.onnx") }?.range == "bytes=\(left.count)-")
            #expect(world.hub.downloads("config.json") == 1)
        }
    }

    @Test("The next load repairs whatever a killed process leaves")
    func leftovers() async throws {
        try await World.run(model) { world async throws in
            let file = try #require(model["config.json"])
            let locks = world.folder + "/.locks/models--owner--name"
            // A lock that nobody holds, a reference that was not renamed yet, a blob without a link, a link without a
            // blob.
            try world.write([], "\(locks)/\(file.etag).lock")
            try world.write([], "\(world.repositoryFolder)/refs/main.1a2b.tmp")
            try world.write(file.bytes, "\(world.repositoryFolder)/blobs/\(file.etag)")
            try FileManager.default.createDirectory(
                atPath: world.snapshotFolder + "/onnx",
                withIntermediateDirectories: true
            )
            let etag = try #require(model["onnx/labels.txt"]).etag
            try FileManager.default.createSymbolicLink(
                atPath: world.snapshotFolder + "/onnx/labels.txt",
                withDestinationPath: "../../../blobs/\(etag)"
            )
            _ = try await world.load()
            for (path, file) in model { #expect(world.bytes(path) == file.bytes) }
            #expect(world.hub.downloads("config.json") == 0)
            #expect(world.hub.downloads("onnx/labels.txt") == 1)
        }
    }

    #if os(Linux)
        /// Mounts a small file system while `body` runs; false when mounting is not allowed here.
        private func withSmallDisk(_ bytes: Int, _ body: (String) async throws -> Void) async throws -> Bool {
            try await withFolder { folder async throws in
                guard mount("tmpfs", folder, "tmpfs", 0, "size=\(bytes)") == 0 else { return false }
                defer { umount2(folder, Int32(MNT_DETACH)) }
                try await body(folder)
                return true
            }
        }

        @Test("A disk that is full before or during a download is an error; with room again, the load works")
        func diskFull() async throws {
            try await World.run(model) { world async throws in
                let isMounted = try await withSmallDisk(1 << 20) { disk async throws in
                    let error = try await world.error { $0.cacheFolder = disk }
                    #expect(error.code == .diskFull)
                    #expect(error.message.contains("3000000 bytes are to come"))
                    #expect(error.message.contains("HF_HUB_CACHE"))
                    #expect(world.hub.downloads("onnx/model.onnx") == 0)
                }
                guard isMounted else { return }
                let file = try #require(model["onnx/model.onnx"])
                _ = try await withSmallDisk(6 << 20) { disk async throws in
                    // Another program fills the disk while the file arrives.
                    let other = disk + "/other"
                    world.hub.set {
                        $0.fault = { received in
                            guard received.method == "GET", received.path.hasSuffix("model.onnx") else { return nil }
                            _ = FileManager.default.createFile(atPath: other, contents: Data(count: 4 << 20))
                            return nil
                        }
                    }
                    let error = try await world.error(["onnx/model.onnx"]) { $0.cacheFolder = disk }
                    #expect(error.code == .diskFull)
                    #expect(error.message.contains("No space left"))
                    let partial = try #require(
                        world.contents("\(disk)/models--owner--name/blobs/\(file.etag).incomplete")
                    )
                    #expect(partial.count > 0 && partial == Array(file.bytes[..<partial.count]))

                    world.hub.set { $0.fault = nil }
                    try FileManager.default.removeItem(atPath: other)
                    let snapshot = try await world.load(["onnx/model.onnx"]) { $0.cacheFolder = disk }
                    #expect(world.contents(try #require(snapshot.path("onnx/model.onnx"))) == file.bytes)
                }
            }
        }
    #endif

    @Test("An unwritable cache is an error that names the path, but the files that it has are used")
    func readOnly() async throws {
        try await World.run(model) { world async throws in
            let whole = try await world.load()
            // A file in place of a folder stops even the superuser.
            try FileManager.default.removeItem(atPath: world.repositoryFolder + "/refs")
            try world.write([], world.repositoryFolder + "/refs")
            #expect(try await world.load() == whole)
            #expect(world.log.all.contains { $0.hasPrefix("warning: the revision could not be recorded") })

            let error = try await world.error { $0.cacheFolder = world.repositoryFolder + "/refs" }
            #expect(error.code == .cacheUnusable)
            #expect(error.message.contains(world.repositoryFolder + "/refs/models--owner--name"))
        }
    }
}
