import Foundation
import Hummingbird
import SwerveHub
import Testing

@Suite(
    "Together with the Python client",
    .enabled(if: Python.isInstalled, "huggingface_hub is not in .venv; dev/setup.sh test installs it"),
    .timeLimit(.minutes(5))
)
struct PythonTests {
    private static let readAll = """
        folder = snapshot_download("owner/name")
        found = {}
        for base, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(base, name)
                found[os.path.relpath(path, folder)] = len(open(path, "rb").read())
        print(json.dumps([folder, found], sort_keys=True))
        """

    private static let sizes = #"{"config.json": 2, "onnx/labels.txt": 9, "onnx/model.onnx": 3000000}"#

    @Test("Python reads a cache made by Swift offline, and knows that it is complete")
    func pythonReads() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load()
            let before = world.hub.received.count
            let text = try await Python.run(Self.readAll, world, ["HF_HUB_OFFLINE": "1"])
            #expect(text == "[\"\(world.snapshotFolder)\", \(Self.sizes)]")
            #expect(world.hub.received.count == before)
        }
    }

    @Test("Python does not download what Swift cached, neither as a snapshot nor file by file")
    func pythonReuses() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load()
            let before = world.hub.received.count
            _ = try await Python.run(Self.readAll, world)
            let path = try await Python.run("print(hf_hub_download('owner/name', 'onnx/model.onnx'))", world)
            #expect(path == world.snapshotFolder + "/onnx/model.onnx")
            #expect(
                !world.hub.received.dropFirst(before).contains { $0.method == "GET" && $0.path.contains("/resolve/") }
            )
        }
    }

    @Test("Swift reads a cache made by Python offline, and knows that it is complete")
    func swiftReads() async throws {
        try await World.run(model) { world async throws in
            _ = try await Python.run(Self.readAll, world)
            let before = world.hub.received.count
            let snapshot = try await world.load { $0.isOffline = true }
            #expect(snapshot.folder == world.snapshotFolder)
            #expect(snapshot.files == model.keys.sorted())
            for (path, file) in model { #expect(world.bytes(path) == file.bytes) }
            let listing = try await world.loader { $0.isOffline = true }.list("owner/name")
            #expect(listing == (try await world.loader().list("owner/name")))
            #expect(world.hub.received.count == before + 1)
        }
    }

    @Test("If Python cached single files, Swift downloads the rest")
    func swiftCompletes() async throws {
        try await World.run(model) { world async throws in
            _ = try await Python.run("hf_hub_download('owner/name', 'onnx/model.onnx')", world)
            #expect(try await world.load(["onnx/model.onnx"]) { $0.isOffline = true }.files == ["onnx/model.onnx"])
            #expect(try await world.error(["config.json"]) { $0.isOffline = true }.message.contains("'config.json'"))
            _ = try await world.load()
            #expect(world.hub.downloads("onnx/model.onnx") == 1)
        }
    }

    @Test("Python sees that a snapshot is incomplete when Swift loaded only a part")
    func partOfSnapshot() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load(["config.json"])
            let text = try await Python.run(
                "from huggingface_hub.errors import IncompleteSnapshotError\n"
                    + "try: snapshot_download('owner/name')\nexcept IncompleteSnapshotError as e: print('incomplete')\n"
                    + "print(snapshot_download('owner/name', allow_patterns=['*.json']))",
                world,
                ["HF_HUB_OFFLINE": "1"]
            )
            #expect(text == "incomplete\n\(world.snapshotFolder)")
        }
    }

    /// Makes Python report when it finds a lock taken.
    private static let telling = """
        import urllib.request
        from filelock import FileLock, Timeout
        from huggingface_hub import file_download
        def telling(path, lock=file_download.WeakFileLock):
            try:
                with FileLock(path, timeout=0): pass
            except Timeout:
                urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/waiting")
            return lock(path)
        file_download.WeakFileLock = telling
        print(hf_hub_download("owner/name", "onnx/model.onnx"))
        """

    @Test("Python waits for a file that Swift is downloading, and uses it")
    func pythonWaits() async throws {
        try await World.run(model) { world async throws in
            let (gate, waiting) = (world.gate(), world.gate())
            waiting.open()
            world.hub.set {
                $0.fault = { received in
                    if received.path == "/waiting" {
                        await waiting.pass()
                        return Response(status: .ok)
                    }
                    if received.method == "GET", received.path.hasSuffix("/model.onnx") { await gate.pass() }
                    return nil
                }
            }
            async let snapshot = world.load(["onnx/model.onnx"])
            await gate.arrivals(1)
            async let path = Python.run(Self.telling, world)
            await waiting.arrivals(1)
            gate.open()
            #expect(try await path == world.snapshotFolder + "/onnx/model.onnx")
            #expect(try await snapshot.files == ["onnx/model.onnx"])
            #expect(world.hub.downloads("onnx/model.onnx") == 1)
        }
    }

    @Test("Swift waits for a file that Python is downloading, and uses it")
    func swiftWaits() async throws {
        try await World.run(model) { world async throws in
            let (gate, waiting) = (world.gate(), world.gate())
            world.hub.set {
                $0.fault = { received in
                    if received.method == "GET", received.path.hasSuffix("/model.onnx") { await gate.pass() }
                    return nil
                }
            }
            async let path = Python.run("print(hf_hub_download('owner/name', 'onnx/model.onnx'))", world)
            await gate.arrivals(1)
            // Swift pauses when it finds the lock taken.
            let hub = ModelHub(world.options) { pause in
                await waiting.pass()
                try await ContinuousClock().sleep(for: pause)
            }
            async let snapshot = hub.load("owner/name", files: ["onnx/model.onnx"])
            await waiting.arrivals(1)
            gate.open()
            waiting.open()
            #expect(try await snapshot.path("onnx/model.onnx") == (try await path))
            #expect(world.hub.downloads("onnx/model.onnx") == 1)
        }
    }
}
