import SwerveAdmin
import SwerveCore
import Testing

@testable import SwerveRuntime

@Suite struct OptionsTests {
    private static let refused: [(String, @Sendable (inout ServeOptions) -> Void)] = [
        ("port is -1; it must be from 0 to 65535", { $0.port = -1 }),
        ("port is 65536; it must be from 0 to 65535", { $0.port = 65_536 }),
        ("eventLoops is 0; it must be from 1 to 1024", { $0.eventLoops = 0 }),
        ("eventLoops is \(Int.max); it must be from 1 to 1024", { $0.eventLoops = .max }),
        ("maxBodyBytes is -1; it must be at least 0", { $0.maxBodyBytes = -1 }),
        ("maxHeadBytes is 0; it must be at least 1", { $0.maxHeadBytes = 0 }),
        ("maxSharedBytes is -1; it must be at least 0", { $0.maxSharedBytes = -1 }),
        ("maxBufferedBytes is \(Int.min); it must be at least 0", { $0.maxBufferedBytes = .min }),
        ("maxConnections is 0; it must be at least 1", { $0.maxConnections = 0 }),
        ("idleTimeout is 0.0 seconds; it must be longer than zero", { $0.idleTimeout = .zero }),
        ("requestTimeout is -1.0 seconds; it must be longer than zero", { $0.requestTimeout = .seconds(-1) }),
        ("drainTimeout is -1.0 seconds; it must not be negative", { $0.drainTimeout = .seconds(-1) }),
        ("admin.port is 65536; it must be from 0 to 65535", { $0.admin = AdminOptions(port: 65_536) }),
        ("admin.host is empty; it must be an address, such as 127.0.0.1", { $0.admin = AdminOptions(host: "") }),
        ("admin.maxEventStreams is 0; it must be from 1 to 10000", { $0.admin = AdminOptions(maxEventStreams: 0) }),
        (
            "admin.tokenFile is empty; it must be a path, or nil for the instance's own",
            { $0.admin = AdminOptions(tokenFile: "") }
        ),
        (
            "admin.allowedHosts has 'a:1'; it must be a host name without a port",
            { $0.admin = AdminOptions(allowedHosts: ["a:1"]) }
        ),
    ]

    @Test func `an instance does not start with an option out of range, and says which`() async throws {
        for (message, change) in Self.refused {
            var options = ServeOptions(port: 0)
            change(&options)
            let instance = ServeInstance(options)
            let error = await #expect(throws: ServeError.self) { try await instance.start() }
            #expect(error?.code == .invalidOptions)
            #expect(error?.message == message)
            await instance.shutdown()
        }
    }

    @Test func `an instance starts and ends with the largest options`() async throws {
        let forever = Duration.seconds(Int64.max)
        let options = ServeOptions(
            port: 0,
            eventLoops: 1,
            requestTimeout: forever,
            maxBodyBytes: .max,
            maxHeadBytes: .max,
            maxBufferedBytes: .max,
            maxSharedBytes: .max,
            maxConnections: .max,
            idleTimeout: forever,
            drainTimeout: forever
        )
        let instance = ServeInstance(options)
        try await instance.start()
        #expect(await instance.port != nil)
        await instance.shutdown()
    }
}
