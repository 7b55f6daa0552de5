package import NIOCore
package import SwerveCore

/// What the connections of one event loop share: the flush at the end of a tick, the clock, the timeouts, the ids.
///
/// Confined to its event loop.
package final class HTTPLoop {
    package let eventLoop: any EventLoop
    let options: HTTPServerOptions

    // For the properties that requests use, exclusive access is not checked at run time: only the event loop's thread
    // uses the loop, and no access spans a call to a connection.
    /// The time at the last tick; connections use it so that no request reads a clock.
    @exclusivity(unchecked) private(set) var now: MonotonicTime
    /// The time at this moment.
    var exactNow: MonotonicTime { time() }
    /// `date: …` with its line end.
    @exclusivity(unchecked) private(set) var dateLine: [UInt8] = []

    private let time: () -> MonotonicTime
    private let wallClock: () -> Int64
    /// Counts the bytes that the connections of all the server's loops hold.
    package let budget: MemoryBudget
    private var lingering: LingeringConnections
    /// See ``UnsentBytes/count(_:_:)``.
    let unsent: (any Channel, inout Int32?) -> Int
    private var dateSecond: Int64 = -1
    private var isTicking = false
    /// The connections found idle in this tick, the longest idle one last; `nil` before the first search.
    private var idle: [(connection: HTTPConnectionHandler, since: MonotonicTime)]?
    private var connections: [HTTPConnectionHandler] = []
    @exclusivity(unchecked) private var dirty: [HTTPConnectionHandler] = []
    /// Keeps its memory between ticks.
    @exclusivity(unchecked) private var flushing: [HTTPConnectionHandler] = []
    @exclusivity(unchecked) private var isFlushScheduled = false
    @exclusivity(unchecked) private var isFlushing = false
    private let requestIDPrefix: UInt64
    @exclusivity(unchecked) private var requestIDCounter: UInt64
    private var drainPromise: EventLoopPromise<Void>?
    private var drainDeadline: MonotonicTime?
    /// How long a connection may be idle while the loop drains.
    private(set) var idleGrace = Duration.zero

    /// - Parameters:
    ///   - time: a clock that only goes forward.
    ///   - wallClock: seconds since 1970, for the `date` header.
    ///   - seed: makes request ids differ from those of other loops and processes.
    ///   - budget: shared by all loops of a server; `nil` makes one for this loop alone.
    ///   - lingering: likewise.
    ///   - unsent: counts the bytes written to a channel that its client has not taken.
    package init(
        eventLoop: any EventLoop,
        options: HTTPServerOptions,
        time: @escaping () -> MonotonicTime,
        wallClock: @escaping () -> Int64,
        seed: UInt64,
        budget: MemoryBudget? = nil,
        lingering: LingeringCount? = nil,
        unsent: @escaping (any Channel, inout Int32?) -> Int = UnsentBytes.count
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.time = time
        self.wallClock = wallClock
        self.budget = budget ?? MemoryBudget(limit: options.maxBufferedBytes)
        self.lingering = LingeringConnections(lingering ?? LingeringCount(limit: options.maxLingering))
        self.unsent = unsent
        self.now = time()
        self.requestIDPrefix = seed >> 36
        self.requestIDCounter = seed & 0xFFFF_FFFF
        readClocks()
    }

    // MARK: - Flushing

    /// This many connections are flushed at once, before the end of the tick: clients can work on the first answers
    /// while the next ones are made.
    private static let flushLimit = 8

    /// Flushes the connection at the end of the event loop's tick or earlier, once however often it is called.
    func flushLater(_ connection: HTTPConnectionHandler) {
        dirty.append(connection)
        if dirty.count >= Self.flushLimit, !isFlushing { return flushAll() }
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute { self.flushAll() }
    }

    /// Flushes every connection that was written to. A handler that answers many connections may call it after it has
    /// processed what it read.
    package func flushAll() {
        isFlushScheduled = false
        isFlushing = true
        defer { isFlushing = false }
        // A flush can make a service write more: that waits for the next tick, so that others get their turn.
        swap(&dirty, &flushing)
        for connection in flushing { connection.flushNow() }
        flushing.removeAll(keepingCapacity: true)
    }

    // MARK: - Ids

    /// Makes an id of fifteen hexadecimal digits, which a string holds without an allocation.
    func makeRequestID() -> String {
        requestIDCounter = (requestIDCounter &+ 1) & 0xFFFF_FFFF
        var value = requestIDPrefix << 32 | requestIDCounter
        return String(unsafeUninitializedCapacity: 15) { digits in
            for index in stride(from: 14, through: 0, by: -1) {
                let digit = UInt8(truncatingIfNeeded: value & 15)
                digits[index] = digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a")
                value >>= 4
            }
            return 15
        }
    }

    // MARK: - Connections and time

    func add(_ connection: HTTPConnectionHandler) {
        connection.loopIndex = connections.count
        connections.append(connection)
        if drainPromise != nil { connection.drain() }
        guard !isTicking else { return }
        isTicking = true
        scheduleTick()
    }

    func remove(_ connection: HTTPConnectionHandler) {
        guard let index = connection.loopIndex else { return }
        connection.loopIndex = nil
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.loopIndex = index
        }
        if connections.isEmpty { drainPromise?.succeed() }
    }

    /// A connection drops its client's input from now on until it closes.
    func lingers(_ connection: HTTPConnectionHandler) {
        lingering.add(connection)?.cut()
    }

    func lingersNoMore(_ connection: HTTPConnectionHandler) {
        lingering.remove(connection)
    }

    /// Refreshes the time. A new connection calls it, because ticks stop while there are no connections.
    func readClocks() {
        now = time()
        let second = wallClock()
        guard second != dateSecond else { return }
        dateSecond = second
        dateLine = Array("date: \(HTTPDate.string(secondsSinceEpoch: second))\r\n".utf8)
    }

    private func scheduleTick() {
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(options.tickPeriod.nanoseconds)) {
            guard !self.connections.isEmpty else {
                self.isTicking = false
                return
            }
            self.tick()
            self.scheduleTick()
        }
    }

    /// The most connections that make room for others in one tick. The search goes over all connections, so it runs
    /// once a tick.
    private static let idleLimit = 256

    /// Closes the connection that has been idle longest.
    ///
    /// - Returns: whether there was one.
    package func closeLongestIdle() -> Bool {
        if idle == nil {
            let latest = now + (.zero - options.replaceableIdleTime)
            let all = connections.compactMap { connection in
                connection.idleSince.flatMap { $0 <= latest ? (connection: connection, since: $0) : nil }
            }
            idle = all.sorted { $0.since > $1.since }.suffix(Self.idleLimit)
        }
        while let candidate = idle?.popLast() {
            guard candidate.connection.idleSince == candidate.since else { continue }
            candidate.connection.closeAfterFlush(linger: false)
            return true
        }
        return false
    }

    /// Checks the timeouts of every connection. The loop calls it; tests may, after moving their clock.
    package func tick() {
        readClocks()
        idle = nil
        if let drainDeadline, now >= drainDeadline {
            for connection in connections { connection.shutDown() }
            return
        }
        // Backwards, because the last connection moves into the slot of one that closes.
        for index in connections.indices.reversed() where index < connections.count { connections[index].tick(now) }
    }

    /// Closes idle connections, lets the others finish their requests, and closes what is left at the deadline.
    ///
    /// - Parameter idleGrace: how long a connection may be idle before it is closed.
    /// - Returns: a future that succeeds when no connection is left.
    package func drain(for time: Duration, idleGrace: Duration = .zero) -> EventLoopFuture<Void> {
        readClocks()
        self.idleGrace = idleGrace
        let deadline = now + time
        drainDeadline = min(drainDeadline ?? deadline, deadline)
        if let drainPromise { return drainPromise.futureResult }
        let promise = eventLoop.makePromise(of: Void.self)
        drainPromise = promise
        if connections.isEmpty {
            promise.succeed()
        } else {
            for connection in connections { connection.drain() }
        }
        return promise.futureResult
    }
}
