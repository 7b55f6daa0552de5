import NIOCore
import SwerveCore
import SwerveHTTPTypes
import TestSupport
import Testing

@testable import SwerveAdmin

@Suite struct EventHubTests {
    /// Runs a hub for the duration of `body`. After each event, it waits until the test lets it go on.
    private func withHub(limit: Int = 8, _ body: (EventHub, FakeSource, () -> Void) async throws -> Void) async throws {
        let source = FakeSource()
        let (waits, goOn) = AsyncStream.makeStream(of: Void.self)
        let hub = EventHub(source, .standing(waits), limit: limit)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await hub.run() }
            defer {
                source.end()
                goOn.finish()
            }
            try await body(hub, source) { goOn.yield() }
        }
    }

    @Test func `one reader more than there may be is refused, until another one is gone`() async throws {
        try await withHub(limit: 1) { hub, _, _ in
            var events: AsyncStream<ByteBuffer>? = try hub.open()
            let refusal = #expect(throws: AdminError.self) { try hub.open() }
            #expect(refusal?.status == .serviceUnavailable)
            withExtendedLifetime(events) {}
            events = nil
            try await eventually("the reader is forgotten") { hub.readerCount == 0 }
            _ = try hub.open()
        }
    }

    @Test func `the streams end with the instance, and there are no new ones`() async throws {
        try await withHub { hub, source, goOn in
            let events = try hub.open()
            source.end()
            goOn()
            goOn()
            for await _ in events {}
            #expect(throws: AdminError.self) { try hub.open() }
        }
    }
}
