internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Where a process's segment is found by others: the number of its descriptor, and what identifies the memory behind it.
package struct SegmentPlace: Hashable, Sendable {
    package let descriptor: Int32
    package let device: UInt64
    package let inode: UInt64
    package let bytes: Int

    package init(descriptor: Int32, device: UInt64, inode: UInt64, bytes: Int) {
        self.descriptor = descriptor
        self.device = device
        self.inode = inode
        self.bytes = bytes
    }
}

/// Memory that a process fills and others of the same user read in place. No file stands for it, so the system frees it
/// with the last process that has it, however that ends.
///
/// The 16 bytes in front of ``start`` are memory of this process alone, for whoever manages the segment.
package final class SharedSegment: @unchecked Sendable {
    // Unchecked: what the memory holds is guarded by whoever hands out parts of it.
    package let start: UnsafeMutableRawPointer
    package let place: SegmentPlace
    /// `nil` for a segment that another process made.
    private let descriptor: Descriptor?

    /// Whether the system has such memory.
    package static var isAvailable: Bool {
        #if os(Linux)
            true
        #else
            false
        #endif
    }

    package var count: Int { place.bytes }

    /// Makes a segment of zeros. Programs that this process starts do not inherit it.
    ///
    /// - Parameters:
    ///   - bytes: a multiple of a page.
    ///   - name: what the system's list of a process's mappings calls it.
    package init(making bytes: Int, name: String) throws(SystemFailure) {
        var place = swerve_segment_place()
        guard let memory = swerve_segment_make(name, Int64(bytes), &place) else {
            throw SystemFailure("make", "shared memory", .last)
        }
        start = memory
        descriptor = Descriptor(place.descriptor)
        self.place = SegmentPlace(
            descriptor: place.descriptor,
            device: place.device,
            inode: place.inode,
            bytes: bytes
        )
    }

    /// Maps a segment that another process made. What is written to it here is seen by nobody else.
    ///
    /// - Throws: ``SystemFailure``, also if the process has no such segment at that place.
    package init(of process: Int32, at place: SegmentPlace) throws(SystemFailure) {
        var described = swerve_segment_place(
            descriptor: place.descriptor,
            device: place.device,
            inode: place.inode,
            bytes: Int64(place.bytes)
        )
        guard let memory = swerve_segment_open(process, &described) else {
            throw SystemFailure("open", "descriptor \(place.descriptor) of process \(process)", .last)
        }
        start = memory
        descriptor = nil
        self.place = place
    }

    /// Whether this process may have written to that part of another one's segment.
    package func isWritten(_ range: Range<Int>) -> Bool {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = UInt(bitPattern: start) / UInt(page)
        let pages = range.lowerBound / page..<(range.upperBound + page - 1) / page
        var entries = [UInt64](repeating: 0, count: pages.count)
        let size = MemoryLayout<UInt64>.size
        guard let map = try? Descriptor(opening: "/proc/self/pagemap", O_RDONLY) else { return true }
        let count = entries.withUnsafeMutableBytes {
            pread(map.number, $0.baseAddress, $0.count, off_t((Int(first) + pages.lowerBound) * size))
        }
        // What a process writes is in pages of its own, which are in memory and not a file's, or swapped out.
        return count != entries.count * size
            || entries.contains { $0 & Self.isPresent != 0 && $0 & Self.isOfFile == 0 || $0 & Self.isSwapped != 0 }
    }

    private static let isPresent: UInt64 = 1 << 63
    private static let isSwapped: UInt64 = 1 << 62
    private static let isOfFile: UInt64 = 1 << 61

    /// Forgets what this process wrote to another one's segment, so that the next reader sees what its maker wrote.
    package func discardWrites() { swerve_segment_discard(start, Int64(count)) }

    /// Where in the segment an address lies.
    package func offset(of address: UInt) -> Int? {
        let first = UInt(bitPattern: start)
        return address >= first && address - first < UInt(count) ? Int(address - first) : nil
    }

    deinit { swerve_segment_unmap(start, Int64(count)) }
}
