#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The functions of the C library's mathematics that the language lacks.
package enum Trigonometry {
    package static func sine(_ x: Double) -> Double { sin(x) }

    package static func cosine(_ x: Double) -> Double { cos(x) }
}
