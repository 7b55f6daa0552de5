import NIOCore
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Unwell: Error, Codable, CustomStringConvertible {
    var description: String { "the model is lost" }
}

/// Takes over a configuration, and says how it is.
@Deployment
distributed actor Tunable: Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var factor: Int
    }
    private let version: Int
    private var factor = 1
    private var isSick = false

    init(version: Int = 1) {
        self.version = version
    }

    func reconfigure(_ config: UserConfig) async throws {
        // A change that takes a while must not hold calls up or lose them.
        for _ in 0..<20 { await Task.yield() }
        guard config.factor >= 0 else { throw Unwell() }
        factor = config.factor
    }

    func checkHealth() async throws {
        if isSick { throw Unwell() }
    }

    distributed func times(_ value: Int) async -> Int {
        await Task.yield()
        return value * factor
    }
    distributed func answer() -> Int { version }
    distributed func fallSick() { isSick = true }
    distributed func processID() -> Int32 { getpid() }
}

/// Calls a ``Tunable`` from a process of its own.
@Deployment
distributed actor Tuned {
    private let tunable: Tunable

    init(tunable: Tunable) {
        self.tunable = tunable
    }

    distributed func answer() async throws -> Int { try await tunable.answer() }
}

/// Makes bytes, which stay with it until somebody fetches them, and counts those of others.
@Deployment
distributed actor Keeper: Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var fill: UInt8
    }
    private let version: Int
    private var fill: UInt8 = 0

    init(version: Int) {
        self.version = version
    }

    func reconfigure(_ config: UserConfig) async throws { fill = config.fill }

    distributed func make(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: fill, count: count) }
    distributed func count(_ bytes: ByteBuffer) async -> Int {
        await Task.yield()
        return bytes.readableBytes
    }
}
