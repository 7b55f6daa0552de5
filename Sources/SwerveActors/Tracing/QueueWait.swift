package import SwerveCore
package import SwerveTracing
internal import Synchronization
internal import Tracing

/// The span of a request's wait for a replica. There is none unless it waits.
package final class QueueWait: Sendable {
    private let recorder: SpanRecorder
    private let parent: TraceContext
    private let pool: DeploymentID
    private let span = Mutex<OpenSpan?>(nil)

    /// `nil` for a request that is not recorded.
    convenience init?(of pool: Pool, _ context: ServeContext?) {
        guard let parent = context?.trace else { return nil }
        self.init(of: pool, below: parent)
    }

    package init?(of pool: Pool, below parent: TraceContext) {
        guard let recorder = pool.tracing.recorder, recorder.takes(parent) else { return nil }
        self.recorder = recorder
        self.parent = parent
        self.pool = pool.id
    }

    package func begin() {
        let new = recorder.begin("queue \(pool.deployment)", kind: .internal, below: parent, isRemote: false)
        new?.set(of: pool)
        span.withLock { $0 = new }
    }

    package func end() { span.withLock { $0.take() }?.end() }
}

extension OpenSpan {
    /// Which deployment the span is about.
    package func set(of deployment: DeploymentID) {
        set("swerve.application", deployment.application)
        set("swerve.deployment", deployment.deployment)
    }

    /// Which request it is.
    package func set(requestOf context: ServeContext?) {
        if let id = context?.requestID, !id.isEmpty { set("swerve.request_id", id) }
    }
}
