package import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveSystem

/// Tracing in one process of an instance: a recorder, its exporter, and the tracer for user code.
package enum ProcessTracing {
    package static func begin(_ settings: TracingSettings, ofInstanceIn slot: TracingSlot, logger: Logger) {
        begin(settings, role: "instance", beginsTracesAtCalls: true, in: slot, logger: logger)
    }

    package static func begin(_ settings: TracingSettings, ofProxyIn slot: TracingSlot, logger: Logger) {
        begin(settings, role: "proxy", beginsTracesAtCalls: false, in: slot, logger: logger)
    }

    package static func begin(_ settings: TracingSettings, ofReplicaIn slot: TracingSlot, logger: Logger) {
        begin(settings, role: "replica", beginsTracesAtCalls: false, in: slot, logger: logger)
    }

    package static func begin(_ settings: TracingSettings, ofClientIn slot: TracingSlot, logger: Logger) {
        begin(settings, role: "client", beginsTracesAtCalls: true, in: slot, logger: logger)
    }

    /// - Parameters:
    ///   - role: what this process is in the instance.
    ///   - beginsTracesAtCalls: see ``SpanRecorder/beginsTracesAtCalls``.
    private static func begin(
        _ settings: TracingSettings,
        role: String,
        beginsTracesAtCalls: Bool,
        in slot: TracingSlot,
        logger: Logger
    ) {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let exporter = SpanExporter(
            settings,
            role: role,
            processID: ThisProcess.id,
            clock: loop,
            transport: CollectorClient(settings, on: loop),
            logger: logger
        )
        var random = SystemRandomNumberGenerator()
        let recorder = SpanRecorder(
            settings,
            beginsTracesAtCalls: beginsTracesAtCalls,
            request: slot.request,
            clock: { UInt64(max(0, WallClock.nanoseconds)) },
            seeds: (random.next(), random.next()),
            receiver: exporter
        )
        ServeTracer.install(recorder)
        slot.set(recorder)
    }

    /// Ends tracing; `done` is called at once without tracing, and else when the last spans are sent, or the limit
    /// `shutdownTimeout` is over. It may be called again meanwhile.
    package static func end(in slot: TracingSlot, _ done: @escaping @Sendable () -> Void) {
        guard let recorder = slot.recorder else { return done() }
        ServeTracer.remove(recorder)
        recorder.end {
            slot.set(nil)
            done()
        }
    }

    package static func end(in slot: TracingSlot) async {
        await withCheckedContinuation { continuation in end(in: slot) { continuation.resume() } }
    }
}
