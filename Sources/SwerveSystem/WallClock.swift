#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The time of day.
package enum WallClock {
    /// The seconds since 1970.
    package static var seconds: Int { time(nil) }

    /// The nanoseconds since 1970.
    package static var nanoseconds: Int64 {
        var now = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0 else { return Int64(seconds) * 1_000_000_000 }
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}
