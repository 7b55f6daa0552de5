package import NIOCore
package import SwerveCore
internal import SwerveHTTPTypes
internal import Synchronization

/// Tells the readers of event streams each change of the status: at most once in ``interval``, and a slow reader only
/// the latest.
package final class EventHub: Sendable {
    /// How long to wait after an event before the next one: 100 ms.
    package static let interval = Duration.milliseconds(100)

    private struct Reader {
        let events: AsyncStream<ByteBuffer>.Continuation
        /// The version that it was told.
        var seen = 0
    }

    private struct State {
        var readers: [Int: Reader] = [:]
        var next = 0
        var status = ServeStatus(applications: [:])
        /// Counts the changes; 0 before the first status is known.
        var version = 0
        var isOver = false
    }

    private let source: any AdminSource
    private let time: AdminTime
    private let limit: Int
    private let state = Mutex(State())
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// - Parameter limit: how many readers there may be.
    package init(_ source: any AdminSource, _ time: AdminTime, limit: Int) {
        self.source = source
        self.time = time
        self.limit = limit
        (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// The latest status that it knows, for tests.
    package var status: ServeStatus { state.withLock { $0.status } }

    /// The number of streams that are open.
    package var readerCount: Int { state.withLock { $0.readers.count } }

    /// Tells changes until the instance is shut down, then ends all streams.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await status in await self.source.statusUpdates() {
                    self.state.withLock { state in
                        state.status = status
                        state.version += 1
                    }
                    self.wake.yield()
                }
                self.wake.finish()
            }
            for await _ in wakes {
                // A wake-up without news costs no wait. A cancelled wait means that the hub ends.
                if await publish() { try? await time.sleep(Self.interval) }
            }
        }
        end()
    }

    /// The events from now on, beginning with the present status.
    ///
    /// - Throws: 503 if there are as many readers as there may be, or the server is ending.
    package func open() throws(AdminError) -> AsyncStream<ByteBuffer> {
        let (events, continuation) = AsyncStream.makeStream(of: ByteBuffer.self, bufferingPolicy: .bufferingNewest(1))
        let refusal: AdminError? = state.withLock { state in
            if state.isOver { return Self.unavailable("the instance is shutting down") }
            guard state.readers.count < limit else {
                return Self.unavailable("\(limit) event streams are open already; see admin.maxEventStreams")
            }
            let id = state.next
            state.next += 1
            state.readers[id] = Reader(events: continuation)
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { _ = $0.readers.removeValue(forKey: id) }
            }
            return nil
        }
        if let refusal { throw refusal }
        wake.yield()
        return events
    }

    private static func unavailable(_ message: String) -> AdminError {
        AdminError(.serviceUnavailable, "unavailable", message, headers: ["retry-after": "1"])
    }

    /// Ends all streams; there are no new ones.
    package func end() {
        let readers = state.withLock { state in
            state.isOver = true
            return state.readers.values.map(\.events)
        }
        for reader in readers { reader.finish() }
    }

    /// - Returns: whether there was something to tell.
    private func publish() async -> Bool {
        let (status, version, isNeeded) = state.withLock { state in
            (state.status, state.version, state.readers.values.contains { $0.seen < state.version })
        }
        guard isNeeded, let event = await event(status, version) else { return false }
        let readers = state.withLock { state in
            let behind = state.readers.filter { $0.value.seen < version }
            for id in behind.keys { state.readers[id]?.seen = version }
            return behind.values.map(\.events)
        }
        for reader in readers { reader.yield(event) }
        return !readers.isEmpty
    }

    private func event(_ status: ServeStatus, _ version: Int) async -> ByteBuffer? {
        // What could not be written is no status of ours.
        guard let document = try? await StatusDocument(source, status).value() else { return nil }
        var event = ByteBuffer()
        ServerSentEvent(data: String(buffer: document.bytes), event: "status", id: "\(version)").write(to: &event)
        return event
    }
}
