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

    /// The names of the applications in an event.
    private func names(_ event: ByteBuffer?) -> [String]? {
        guard let event else { return nil }
        let text = String(buffer: event)
        #expect(text.hasPrefix("event: status\nid: ") && text.hasSuffix("\n\n"))
        return ["one", "two", "three"].filter { text.contains("\"name\":\"\($0)\"") }
    }

    @Test func `a reader gets the present status at once, and then each change`() async throws {
        try await withHub { hub, source, goOn in
            source.run("one")
            var events = try hub.open().makeAsyncIterator()
            // The status before is a change, too.
            var first = names(await events.next())
            if first == [] {
                goOn()
                first = names(await events.next())
            }
            #expect(first == ["one"])
            source.run("one", "two")
            goOn()
            #expect(names(await events.next()) == ["one", "two"])
        }
    }

    @Test func `changes that come while the hub waits are one event with the latest`() async throws {
        try await withHub { hub, source, goOn in
            var events = try hub.open().makeAsyncIterator()
            #expect(names(await events.next()) == [])
            for count in 1...50 { source.run(count.isMultiple(of: 2) ? "one" : "two") }
            source.run("three")
            try await eventually("the hub knows the last one") { hub.status.applications.keys.contains("three") }
            goOn()
            #expect(names(await events.next()) == ["three"])
        }
    }

    @Test func `a reader that is behind gets only the latest`() async throws {
        try await withHub { hub, source, goOn in
            let slow = try hub.open()
            var fast = try hub.open().makeAsyncIterator()
            // The first event may have gone to the other one alone.
            goOn()
            #expect(names(await fast.next()) == [])
            for name in ["one", "two"] {
                source.run(name)
                goOn()
                #expect(names(await fast.next()) == [name])
            }
            var late = slow.makeAsyncIterator()
            #expect(names(await late.next()) == ["two"])
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
