package import Logging
package import NIOCore
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// The segments of this process, from which it lends bytes to the processes that it is connected to.
///
/// A buffer over a segment is a `ByteBuffer` like any other: whoever writes to one that others hold too gets a copy. The
/// connection on which bytes are lent holds a buffer over them, so they change for nobody. When the last buffer is gone,
/// the segment is free for other bytes.
package final class SharedMemory: Sendable {
    private struct State {
        var pool: SegmentPool
        var segments: [UInt64: SharedSegment] = [:]
        /// The connections whose peers may have mapped segments.
        var links: [ObjectIdentifier: MemoryLink] = [:]
        var isTrimming = false
    }

    package let limits: SharedMemoryLimits
    /// What peers are told to look for the segments in.
    let processID: Int32
    let logger: Logger?
    private let name: String
    private let clock: any EventLoop
    private let state: Mutex<State>
    /// Whether any peer can read this process's segments.
    private let hasReaders = Atomic<Bool>(false)

    /// `nil` where the system has no such memory, or none is allowed.
    ///
    /// - Parameters:
    ///   - name: what the system's list of a process's mappings calls the segments.
    ///   - clock: says when segments have been idle for long enough.
    package init?(
        _ limits: SharedMemoryLimits,
        name: String = "swerve",
        processID: Int32,
        clock: any EventLoop,
        logger: Logger? = nil
    ) {
        guard SharedSegment.isAvailable, limits.totalBytes >= limits.threshold else { return nil }
        self.limits = limits
        self.name = name
        self.processID = processID
        self.clock = clock
        self.logger = logger
        self.state = Mutex(State(pool: SegmentPool(limits)))
    }

    /// The segments that there are and that are in use, and the size of all, for status and tests.
    package var load: (segments: Int, inUse: Int, bytes: Int) {
        state.withLock { ($0.pool.count, $0.pool.inUse, $0.pool.bytes) }
    }

    // MARK: Buffers

    /// An empty buffer with room for this many bytes, in a segment.
    ///
    /// - Returns: `nil` if that is too little to share, if nobody can read it, or if there is no room.
    package func buffer(capacity: Int) -> ByteBuffer? {
        guard capacity >= limits.threshold, hasReaders.load(ordering: .relaxed) else { return nil }
        return makeBuffer(capacity: capacity)
    }

    /// Like ``buffer(capacity:)``, whoever can read it.
    func makeBuffer(capacity: Int) -> ByteBuffer? {
        takeSegment(capacity).map { number, segment in
            SegmentUse(self, number).buffer(segment.start, capacity: segment.count, readable: 0..<0)
        }
    }

    /// An empty buffer that moves into a segment once it needs so much room.
    func growingBuffer(capacity: Int) -> ByteBuffer {
        HeapMemory(self).buffer(HeapMemory.allocate(capacity, nil), capacity: capacity, readable: 0..<0)
    }

    /// Memory in a segment for a buffer that grows.
    func takeMemory(_ bytes: Int) -> UnsafeMutableRawPointer? {
        guard bytes >= limits.threshold, let (number, segment) = takeSegment(bytes) else { return nil }
        SegmentUse(self, number).own(segment.start)
        return segment.start
    }

    /// Where a buffer lies, if it is over one of the segments.
    func locate(_ bytes: ByteBuffer) -> SegmentRange? {
        bytes.withUnsafeReadableBytes { memory in
            let (address, count) = (UInt(bitPattern: memory.baseAddress), memory.count)
            return state.withLock { state in
                for (number, segment) in state.segments {
                    guard let offset = segment.offset(of: address) else { continue }
                    return SegmentRange(segment: number, place: segment.place, offset: offset, count: count)
                }
                return nil
            }
        }
    }

    // MARK: Segments

    private func takeSegment(_ bytes: Int) -> (UInt64, SharedSegment)? {
        let (taking, ended) = change { $0.take(bytes) }
        forget(ended)
        switch taking {
        case .none: return nil
        case .use(let number): return state.withLock { $0.segments[number] }.map { (number, $0) }
        case .make(let number, let bytes):
            do throws(SystemFailure) {
                let segment = try SharedSegment(making: bytes, name: name)
                state.withLock { $0.segments[number] = segment }
                return (number, segment)
            } catch {
                state.withLock { $0.pool.makingFailed(number) }
                logger?.debug("no shared memory", metadata: ["error": "\(error)"])
                return nil
            }
        }
    }

    private func change<Result>(_ event: (inout SegmentPool) -> Result) -> Result {
        state.withLock { event(&$0.pool) }
    }

    /// The segments are over: unmaps them here and at the peers.
    private func forget(_ numbers: [UInt64]) {
        if numbers.isEmpty { return }
        let (ended, links) = state.withLock { state in
            (numbers.map { state.segments.removeValue(forKey: $0) }, Array(state.links.values))
        }
        for link in links { for number in numbers { link.forget(number) } }
        withExtendedLifetime(ended) {}
    }

    /// The last buffer over a segment is gone; called on any thread, which may hold any lock.
    fileprivate func gaveBack(_ number: UInt64) {
        let now = now
        let (isOver, startsTrimming) = state.withLock { state in
            let isOver = state.pool.gaveBack(number, now: now)
            let starts = !isOver && !state.isTrimming
            if starts { state.isTrimming = true }
            return (isOver, starts)
        }
        if isOver { forget([number]) }
        if startsTrimming { trimLater(limits.idleTime) }
    }

    private var now: MonotonicTime { MonotonicTime(nanoseconds: Int64(clamping: clock.now.uptimeNanoseconds)) }

    private func trimLater(_ delay: Duration) {
        _ = clock.scheduleTask(in: .nanoseconds(delay.nanoseconds)) { [weak self] in self?.trim() }
    }

    private func trim() {
        let now = now
        let (ended, next) = state.withLock { state in
            let ended = state.pool.trim(now: now)
            state.isTrimming = state.pool.nextTrim != nil
            return (ended, state.pool.nextTrim)
        }
        forget(ended)
        if let next { trimLater(next - now) }
    }

    // MARK: Connections

    /// The peer of a connection can read the segments.
    func add(_ link: MemoryLink) {
        state.withLock { $0.links[ObjectIdentifier(link)] = link }
        hasReaders.store(true, ordering: .relaxed)
    }

    /// A connection is over. Its peer may go on reading what was lent on it.
    func remove(_ link: MemoryLink, lent segments: some Sequence<UInt64>) {
        state.withLock { state in
            state.links[ObjectIdentifier(link)] = nil
            for segment in segments { state.pool.retire(segment) }
        }
    }
}

/// Bytes of a segment.
struct SegmentRange: Hashable, Sendable {
    let segment: UInt64
    let place: SegmentPlace
    let offset: Int
    let count: Int
}

/// One use of a segment of this process, from when it is taken until no buffer is left.
private final class SegmentUse: BufferMemory {
    private let memory: SharedMemory
    private let number: UInt64

    init(_ memory: SharedMemory, _ number: UInt64) {
        self.memory = memory
        self.number = number
    }

    override func released(_ start: UnsafeMutableRawPointer) { memory.gaveBack(number) }

    override func grown(_ start: UnsafeMutableRawPointer, from old: Int, to new: Int) -> UnsafeMutableRawPointer {
        let larger = memory.takeMemory(new) ?? HeapMemory.allocate(new, nil)
        larger.copyMemory(from: start, byteCount: min(old, new))
        BufferMemory.release(start)
        return larger
    }
}
