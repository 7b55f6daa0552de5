#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A call of the operating system that failed: what was tried, on which file, and why.
///
/// Targets with an error type of their own turn it into that.
package struct SystemFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, as it reads after "cannot": "read" or "make the folder".
    package let attempt: String
    package let path: String
    package let code: ErrorNumber

    package init(_ attempt: String, _ path: String, _ code: ErrorNumber) {
        self.attempt = attempt
        self.path = path
        self.code = code
    }

    /// The system's own text.
    package var reason: String { code.description }

    package var description: String { "cannot \(attempt) \(path): \(reason)" }

    /// Whether there is no such file.
    package var isMissing: Bool { code.rawValue == ENOENT || code.rawValue == ENOTDIR }

    /// Whether the disk, or the user's share of it, is full.
    package var isDiskFull: Bool { code.rawValue == ENOSPC || code.rawValue == EDQUOT }
}
