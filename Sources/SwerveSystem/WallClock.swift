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
}
