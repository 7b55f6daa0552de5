internal import NIOCore
internal import SwerveSystem

/// Gives memory back to the system once a process has nothing to do.
///
/// Large bodies leave holes behind in the C library's heap, which keeps them for the next ones: without this the resident
/// memory stays at what the busiest minute took, several times what is in use. Looking for holes takes the allocator's
/// locks for some milliseconds, so it is done between two loads and not under one.
struct IdleMemory {
    /// How often to look: every 2 seconds.
    static let period = Duration.seconds(2)
    /// A process is idle that used at most this share of one core over a period.
    static let idleShare = 0.02
    /// It has worked when it used so much processor time since memory was given back: 0.2 seconds.
    static let work = Duration.milliseconds(200)

    /// The processor time that the process had used when this was last told.
    private var processor: Duration
    private var worked = Duration.zero

    init(processor: Duration) {
        self.processor = processor
    }

    /// A period has passed.
    ///
    /// - Parameter processor: what the process has used so far.
    /// - Returns: whether memory is to be given back now.
    mutating func looked(processor: Duration) -> Bool {
        let used = processor - self.processor
        self.processor = processor
        worked += used
        return used <= Self.period * Self.idleShare && worked >= Self.work
    }

    /// Memory was given back, which took processor time itself.
    mutating func gaveBack(processor: Duration) {
        self.processor = processor
        worked = .zero
    }
}

extension IdleMemory {
    /// As many heaps as cores. The C library would make eight times as many, one for almost each thread, and each of them
    /// keeps what its busiest minute took. `MALLOC_ARENA_MAX` in the environment overrides it.
    static func limitHeaps() {
        Heap.limit(to: max(2, System.coreCount))
    }

    /// Looks after the memory of this process until the task is cancelled.
    @concurrent static func watch(_ clock: some Clock<Duration>) async {
        var memory = IdleMemory(processor: ThisProcess.processorTime)
        while (try? await clock.sleep(for: period)) != nil {
            guard memory.looked(processor: ThisProcess.processorTime) else { continue }
            Heap.returnUnused()
            memory.gaveBack(processor: ThisProcess.processorTime)
        }
    }
}
