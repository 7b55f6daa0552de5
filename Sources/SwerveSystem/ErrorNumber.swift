#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// An error number of the operating system: `errno`.
package struct ErrorNumber: Error, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let noSuchFile = ErrorNumber(ENOENT)
    package static let exists = ErrorNumber(EEXIST)
    package static let tryAgain = ErrorNumber(EAGAIN)
    package static let nameTooLong = ErrorNumber(ENAMETOOLONG)
    package static let fileTooLarge = ErrorNumber(EFBIG)
    package static let invalidArgument = ErrorNumber(EINVAL)
    package static let addressInUse = ErrorNumber(EADDRINUSE)
    package static let tooManyOpenFiles = ErrorNumber(EMFILE)

    /// What the last call that failed on this thread left.
    static var last: ErrorNumber { ErrorNumber(errno) }

    /// Whether descriptors or memory ran out: the same call may succeed later.
    package var isShortage: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(rawValue) }

    /// The system's own text.
    package var description: String { String(cString: strerror(rawValue)) }
}
