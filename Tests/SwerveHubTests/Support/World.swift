import Foundation
import Logging
import SwerveHub
import Synchronization
import Testing

/// Makes a folder that exists while `body` runs.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-hub-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// A fake hub, a cache and a loader for one test.
struct World: Sendable {
    let hub: FakeHub
    let address: String
    let folder: String
    let log = LogBook()
    let pauses = Pauses()
    private let gates = Gates()

    /// Makes a gate that opens no later than the end of the test, so that nothing hangs when the test fails.
    func gate() -> Gate { gates.make() }

    static func run(_ files: [String: FakeFile], _ body: (World) async throws -> Void) async throws {
        let hub = FakeHub(files)
        try await withFolder { folder in
            try await withServer({ try await hub.respond(to: $0) }) { address in
                let world = World(hub: hub, address: address, folder: folder)
                defer { world.gates.openAll() }
                try await body(world)
            }
        }
    }

    var options: ModelHubOptions {
        var options = ModelHubOptions { _ in nil }
        options.endpoint = address
        options.cacheFolder = folder
        options.progress = .none
        // Many concurrent tests make a small machine slow to answer.
        options.limits.connectTimeout = .seconds(60)
        options.limits.answerTimeout = .seconds(60)
        options.limits.idleTimeout = .seconds(60)
        // Pauses take no time in tests, so their sum says nothing of how long a download takes.
        options.limits.lockTimeout = .seconds(1 << 40)
        options.logger = Logger(label: "test") { [log] _ in log }
        return options
    }

    /// A loader that records its pauses instead of waiting.
    ///
    /// - Parameter timer: waits until the deadline of a hub with a full cache is over; by default forever.
    func loader(
        _ change: (inout ModelHubOptions) -> Void = { _ in },
        timer: @escaping @Sendable (Duration) async throws -> Void = { _ in try await never() }
    ) -> ModelHub {
        var options = options
        change(&options)
        return ModelHub(options, sleep: { [pauses] in pauses.add($0) }, timer: timer)
    }

    func load(
        _ files: HubFiles = .all,
        revision: String = "main",
        _ change: (inout ModelHubOptions) -> Void = { _ in }
    ) async throws -> HubSnapshot {
        try await loader(change).load("owner/name", revision: revision, files: files)
    }

    func error(
        _ files: HubFiles = .all,
        revision: String = "main",
        _ change: (inout ModelHubOptions) -> Void = { _ in }
    ) async throws -> HubError {
        do {
            let snapshot = try await load(files, revision: revision, change)
            Issue.record("loaded \(snapshot)")
            throw CancellationError()
        } catch let error as HubError {
            return error
        }
    }

    var repositoryFolder: String { "\(folder)/models--owner--name" }
    var snapshotFolder: String { "\(repositoryFolder)/snapshots/\(FakeHub.commit)" }

    func bytes(_ path: String) -> [UInt8]? { contents("\(snapshotFolder)/\(path)") }
    func partial(_ file: FakeFile) -> String { "\(repositoryFolder)/blobs/\(file.etag).incomplete" }

    func contents(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }

    func write(_ bytes: [UInt8], _ path: String) throws {
        let url = URL(filePath: path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    /// All files in the cache, relative to its folder.
    func tree() -> [String] {
        let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return found.filter { path in
            var isFolder: ObjCBool = false
            let full = "\(folder)/\(path)"
            return !(FileManager.default.fileExists(atPath: full, isDirectory: &isFolder) && isFolder.boolValue)
        }.sorted()
    }
}

/// Waits until the task is cancelled.
func never() async throws {
    let (stream, _) = AsyncStream.makeStream(of: Never.self)
    for await _ in stream {}
    try Task.checkCancellation()
}

/// The pauses that a loader made.
final class Pauses: Sendable {
    private let list = Mutex<[Duration]>([])
    var all: [Duration] { list.withLock { $0 } }
    func add(_ pause: Duration) { list.withLock { $0.append(pause) } }
}

/// Keeps the log lines.
struct LogBook: LogHandler {
    private final class Lines: Sendable {
        let list = Mutex<[String]>([])
    }

    private let lines = Lines()
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    var all: [String] { lines.list.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
        lines.list.withLock { $0.append("\(event.level): \(event.message)\(facts)") }
    }
}

/// Pseudo-random bytes.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    let words = (count + 7) / 8
    let bytes = [UInt8](unsafeUninitializedCapacity: words * 8) { buffer, used in
        var state = seed
        for word in 0..<words {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            UnsafeMutableRawBufferPointer(buffer).storeBytes(
                of: state ^ (state >> 32),
                toByteOffset: word * 8,
                as: UInt64.self
            )
        }
        used = words * 8
    }
    return Array(bytes.prefix(count))
}
