package import Logging
package import NIOCore
internal import SwerveCore
internal import Synchronization

/// Sends the bytes of an export.
package protocol SpanTransport: Sendable {
    /// - Parameter done: called once, later, after a bounded time.
    func send(_ body: [UInt8], _ done: @escaping @Sendable (SpanQueue.Outcome) -> Void)
}

/// The shell of ``SpanQueue``: keeps the spans of a process until the collector has them.
package final class SpanExporter: SpanReceiver {
    private let resource: [SpanRecord.Attribute]
    private let limits: TracingOptions.Limits
    private let clock: any EventLoop
    private let transport: any SpanTransport
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var queue: SpanQueue
        /// When the earliest timer that is set fires.
        var timer: MonotonicTime?
        var whenOver: [@Sendable () -> Void] = []
        var isOver = false
    }

    /// - Parameters:
    ///   - role: what this process is in the instance.
    ///   - clock: the event loop whose time and timers are used.
    package init(
        _ settings: TracingSettings,
        role: String,
        processID: Int32,
        clock: any EventLoop,
        transport: any SpanTransport,
        logger: Logger
    ) {
        resource = [
            .init("service.name", .text(settings.serviceName)), .init("process.pid", .integer(Int64(processID))),
            .init("telemetry.sdk.name", .text("swerve")), .init("telemetry.sdk.language", .text("swift")),
            .init("swerve.process", .text(role)),
        ]
        limits = settings.limits
        self.clock = clock
        self.transport = transport
        self.logger = logger
        state = Mutex(State(queue: SpanQueue(settings.limits)))
    }

    package func add(_ record: SpanRecord) { update { $0.add(record, now: $1) } }
    package func flush() { update { $0.flush(now: $1) } }

    package func end(_ done: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if !state.isOver { state.whenOver.append(done) }
            return state.isOver
        }
        if isOver { return done() }
        // Set first, because the end may come during the next call.
        let timer = clock.scheduleTask(in: .nanoseconds(limits.shutdownTimeout.nanoseconds)) {
            self.update { queue, _ in queue.giveUp() }
        }
        let isAlreadyOver = state.withLock { state in
            if !state.isOver { state.whenOver.append { timer.cancel() } }
            return state.isOver
        }
        if isAlreadyOver { timer.cancel() }
        update { $0.end(now: $1) }
    }

    private func update(_ event: (inout SpanQueue, MonotonicTime) -> SpanQueue.Actions) {
        let now = MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
        let (actions, timer, over) = state.withLock {
            state -> (SpanQueue.Actions, MonotonicTime?, [@Sendable () -> Void]) in
            let actions = event(&state.queue, now)
            var timer: MonotonicTime?
            if let wakeUp = actions.wakeUp, state.timer.map({ wakeUp < $0 }) ?? true {
                state.timer = wakeUp
                timer = wakeUp
            }
            guard actions.isOver else { return (actions, timer, []) }
            state.isOver = true
            defer { state.whenOver = [] }
            return (actions, nil, state.whenOver)
        }
        for notice in actions.notices { say(notice) }
        if let spans = actions.export { export(spans) }
        if let timer { wakeUp(at: timer) }
        for done in over { done() }
    }

    private func wakeUp(at time: MonotonicTime) {
        clock.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, time.nanoseconds)))) { [weak self] in
            guard let self else { return }
            state.withLock { if $0.timer == time { $0.timer = nil } }
            update { $0.tick(now: $1) }
        }
    }

    private func export(_ spans: [SpanRecord]) {
        let (resource, transport) = (resource, transport)
        // Unstructured: bounded by the transport's time limit. Not on the caller's thread, which may be an event loop:
        // hundreds of spans take a millisecond to encode.
        Task {
            transport.send(OTLP.request(spans, of: resource)) { outcome in
                self.update { $0.ended(outcome, jitter: .random(in: 0...1), now: $1) }
            }
        }
    }

    private func say(_ notice: SpanQueue.Notice) {
        switch notice {
        case .dropping(let reason): logger.warning("spans are dropped", metadata: ["reason": "\(reason)"])
        case .dropped(let count): logger.warning("spans were dropped", metadata: ["count": "\(count)"])
        }
    }
}
