internal import NIOCore
internal import SwerveSystem

/// Returns memory to the system once a process is idle.
///
/// Large bodies leave holes in the C library's heap, which it keeps for later bodies. Without this, resident memory
/// stays at the peak of the busiest minute, several times what is in use. Finding the holes holds the allocator's locks
/// for some milliseconds, so it is done when the process is idle and not under load.
struct IdleMemory {
    /// How often to check: every 2 seconds.
    static let period = Duration.seconds(2)
    /// A process is idle if it used at most this share of one core over a period.
    static let idleShare = 0.02
    /// How much processor time a process must use before its memory is returned again: 0.2 seconds.
    static let work = Duration.milliseconds(200)

    /// The processor time that the process had used at the last check.
    private var processor: Duration
    private var worked = Duration.zero

    init(processor: Duration) {
        self.processor = processor
    }

    /// A period has passed.
    ///
    /// - Parameter processor: the processor time that the process has used so far.
    /// - Returns: whether to return memory now.
    mutating func looked(processor: Duration) -> Bool {
        let used = processor - self.processor
        self.processor = processor
        worked += used
        return used <= Self.period * Self.idleShare && worked >= Self.work
    }

    /// Memory was returned. That took processor time, which must not count as work.
    mutating func gaveBack(processor: Duration) {
        self.processor = processor
        worked = .zero
    }
}

extension IdleMemory {
    /// Limits the C library to one heap per core, and at least two. By default it creates up to eight times as many,
    /// nearly one per thread, and each keeps the memory of its busiest minute. `MALLOC_ARENA_MAX` in the environment
    /// overrides the limit.
    static func limitHeaps() {
        Heap.limit(to: max(2, System.coreCount))
    }

    /// Returns this process's memory whenever it is idle after work, until the task is cancelled.
    @concurrent static func watch(_ clock: some Clock<Duration>) async {
        var memory = IdleMemory(processor: ThisProcess.processorTime)
        while (try? await clock.sleep(for: period)) != nil {
            guard memory.looked(processor: ThisProcess.processorTime) else { continue }
            Heap.returnUnused()
            memory.gaveBack(processor: ThisProcess.processorTime)
        }
    }
}
