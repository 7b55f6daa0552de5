internal import CSwerveSystem

/// The memory that the C library gives out.
package enum Heap {
    /// What has been given out, in bytes; 0 where it cannot be told.
    package static var usedBytes: Int { Int(swerve_heap_used()) }

    /// The C library makes at most so many heaps for threads to share, unless the environment says how many.
    package static func limit(to count: Int) { swerve_limit_heaps(Int32(clamping: count)) }

    /// Gives the memory back to the system that the C library holds and nobody uses.
    package static func returnUnused() { swerve_return_memory() }
}
