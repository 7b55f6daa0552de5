package import SwerveCore

/// Limits of the memory that a process shares with others.
package struct SharedMemoryLimits: Hashable, Sendable {
    /// The fewest bytes that travel in shared memory: 128 KiB. Fewer cost less by the socket.
    package var threshold = 128 << 10
    /// How many bytes of segments a process has at most: 256 MiB. What finds no room travels by the socket.
    package var totalBytes = 256 << 20
    /// How many segments a process has at most: 64. Each takes a descriptor.
    package var segments = 64
    /// The largest segment: 1 GiB.
    package static let largest = 1 << 30
    /// How long a segment may be unused: 5 seconds. Then its memory goes back to the system.
    package var idleTime = Duration.seconds(5)

    package init() {}

    package init(totalBytes: Int) {
        self.totalBytes = totalBytes
    }
}

/// Which segments a process has, and which of them are in use. Pure.
///
/// A segment is in use from ``take(_:)`` until ``gaveBack(_:now:)``, which whoever took it calls once. In between it is
/// given to nobody else. One whose bytes another process may still read although nobody here waits for that is *retired*:
/// it is not used again, and ends when it is given back.
package struct SegmentPool: Sendable {
    package enum Taking: Hashable, Sendable {
        /// The segment is free and becomes the caller's.
        case use(UInt64)
        /// Make a segment of this size. If that fails, call ``makingFailed(_:)``.
        case make(UInt64, bytes: Int)
        /// There is no room.
        case none
    }

    private struct Segment {
        let bytes: Int
        /// Since when it is free; `nil` while it is in use.
        var freeSince: MonotonicTime?
        var isRetired = false
    }

    package let limits: SharedMemoryLimits
    private var segments: [UInt64: Segment] = [:]
    /// The free segments; the one given back last is last.
    private var free: [UInt64] = []
    private var next: UInt64 = 1
    /// The size of all segments.
    package private(set) var bytes = 0

    package init(_ limits: SharedMemoryLimits) {
        self.limits = limits
    }

    package var count: Int { segments.count }
    package var inUse: Int { segments.count - free.count }

    /// The size of the segment for this many bytes: a power of two, so that it serves later ones too.
    package static func size(for bytes: Int) -> Int {
        var size = 1 << 16
        while size < bytes { size *= 2 }
        return size
    }

    /// Finds room for bytes, in the segment used last, which the processor's caches may still hold.
    ///
    /// - Returns: also the free segments that end to make room.
    package mutating func take(_ bytes: Int) -> (Taking, ended: [UInt64]) {
        guard bytes > 0, bytes <= min(limits.totalBytes, SharedMemoryLimits.largest) else { return (.none, []) }
        let size = Self.size(for: bytes)
        if let index = free.lastIndex(where: { segments[$0]?.bytes == size }) {
            let number = free.remove(at: index)
            segments[number]?.freeSince = nil
            return (.use(number), [])
        }
        guard size <= limits.totalBytes else { return (.none, []) }
        // Only if that makes enough room: otherwise free segments would end for nothing.
        let used = self.bytes - free.reduce(0) { $0 + (segments[$1]?.bytes ?? 0) }
        guard used + size <= limits.totalBytes, inUse < limits.segments else { return (.none, []) }
        var ended: [UInt64] = []
        while self.bytes + size > limits.totalBytes || segments.count >= limits.segments {
            let oldest = free.removeFirst()
            remove(oldest)
            ended.append(oldest)
        }
        let number = next
        next += 1
        segments[number] = Segment(bytes: size)
        self.bytes += size
        return (.make(number, bytes: size), ended)
    }

    /// The system has no memory for the segment that was to be made.
    package mutating func makingFailed(_ number: UInt64) {
        remove(number)
    }

    /// Nobody in this process uses the segment any more.
    ///
    /// - Returns: whether it ends.
    package mutating func gaveBack(_ number: UInt64, now: MonotonicTime) -> Bool {
        guard let segment = segments[number], segment.freeSince == nil else {
            preconditionFailure("segment \(number) was given back twice")
        }
        if segment.isRetired {
            remove(number)
            return true
        }
        segments[number]?.freeSince = now
        free.append(number)
        return false
    }

    /// A process to which the segment, which is in use, was lent may read it for ever.
    package mutating func retire(_ number: UInt64) {
        segments[number]?.isRetired = true
    }

    /// When ``trim(now:)`` has something to do next.
    package var nextTrim: MonotonicTime? {
        free.first.flatMap { segments[$0]?.freeSince }.map { $0 + limits.idleTime }
    }

    /// - Returns: the segments that end because they were not used for long.
    package mutating func trim(now: MonotonicTime) -> [UInt64] {
        var ended: [UInt64] = []
        while let due = nextTrim, due <= now {
            let number = free.removeFirst()
            remove(number)
            ended.append(number)
        }
        return ended
    }

    private mutating func remove(_ number: UInt64) {
        if let segment = segments.removeValue(forKey: number) { bytes -= segment.bytes }
    }
}
