// Public, so that what is inlined in other targets can call it.
public import CSwerveSystem

/// What a thread has used: processor time, and how often it gave the processor up to wait for something; and the time of
/// a clock that only goes forward. Times are in nanoseconds.
///
/// Read for each batch of requests, so its functions are inlined into their callers.
@usableFromInline
package struct ThreadUsage: Sendable {
    @usableFromInline package let processor: Int64
    @usableFromInline package let elapsed: Int64
    @usableFromInline package let waits: Int64

    @inlinable
    init(processor: Int64, elapsed: Int64, waits: Int64) {
        self.processor = processor
        self.elapsed = elapsed
        self.waits = waits
    }

    @inlinable
    package static var zero: ThreadUsage { ThreadUsage(processor: 0, elapsed: 0, waits: 0) }

    /// What the calling thread has used so far.
    @inlinable
    package static func now() -> ThreadUsage {
        let used = swerve_thread_usage_now()
        return ThreadUsage(processor: used.processor, elapsed: used.elapsed, waits: used.waits)
    }

    /// What the calling thread has used since.
    @inlinable
    package static func since(_ before: ThreadUsage) -> ThreadUsage {
        let now = now()
        return ThreadUsage(
            processor: now.processor - before.processor,
            elapsed: now.elapsed - before.elapsed,
            waits: now.waits - before.waits
        )
    }
}
