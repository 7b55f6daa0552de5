internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Calls on descriptors, for code that hands their numbers to others.
package enum Descriptors {
    /// Makes a pipe that other programs do not inherit, with an end to read from without blocking.
    ///
    /// - Returns: nil when no descriptors are left.
    package static func makePipe() -> (readingEnd: Int32, writingEnd: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    /// Waits until some of the descriptors have something to read or have ended, however long that takes.
    ///
    /// - Returns: those; all of them, after a second, if the system cannot tell.
    package static func waitForInput(_ descriptors: [Int32]) -> [Int32] {
        var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while poll(&polled, nfds_t(polled.count), -1) < 0 {
            if errno == EINTR { continue }
            SystemThread.sleep(seconds: 1)
            return descriptors
        }
        return polled.filter { $0.revents != 0 }.map(\.fd)
    }

    /// Reads what is there, at most as much as the chunk holds; goes on when a signal interrupts it.
    ///
    /// - Returns: the number of bytes; 0 at the end.
    package static func read(_ descriptor: Int32, into chunk: inout [UInt8]) throws(ErrorNumber) -> Int {
        while true {
            let count = systemRead(descriptor, &chunk)
            if count >= 0 { return count }
            if errno != EINTR { throw .last }
        }
    }

    /// Writes all bytes; goes on when a signal interrupts it.
    package static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(ErrorNumber) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 {
                throw ErrorNumber(ENOSPC)
            } else if errno != EINTR {
                throw .last
            }
        }
    }

    package static func writeAll(_ descriptor: Int32, _ bytes: some Collection<UInt8>) throws(ErrorNumber) {
        // The library's own closures throw any error.
        let result = Array(bytes).withUnsafeBytes { bytes in
            Result { () throws(ErrorNumber) in try writeAll(descriptor, bytes) }
        }
        try result.get()
    }

    package static func close(_ descriptor: Int32) { systemClose(descriptor) }

    /// Takes what this process got as standard input, which is empty from now on.
    ///
    /// - Returns: a descriptor for the caller to close. Programs that this process starts do not inherit it.
    package static func takeStandardInput() throws(SystemFailure) -> Int32 {
        let taken = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
        guard taken >= 0 else { throw SystemFailure("take over", "the standard input", .last) }
        let nothing: Descriptor
        do {
            nothing = try Descriptor(opening: "/dev/null", O_RDONLY)
        } catch {
            systemClose(taken)
            throw SystemFailure("open", "/dev/null", error)
        }
        guard dup2(nothing.number, STDIN_FILENO) >= 0 else {
            systemClose(taken)
            throw SystemFailure("replace", "the standard input", .last)
        }
        return taken
    }

    /// Raises the limit on the process's descriptors as far as the system allows, to at most `most`.
    ///
    /// - Returns: the limit from now on; nil if the system does not report it.
    package static func raiseLimit(to most: Int) -> Int? {
        let limit = swerve_descriptor_limit_raise(Int64(most))
        return limit > 0 ? Int(limit) : nil
    }

    /// The limit on the process's descriptors.
    package static var limit: Int { sysconf(Int32(_SC_OPEN_MAX)) }

    /// How many descriptors below `most` are open.
    package static func countOpen(below most: Int) -> Int { Int(swerve_descriptors_in_use(Int64(most))) }
}

/// Owns a descriptor, and closes it in the end.
struct Descriptor: ~Copyable, Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    /// Opens a file. Programs that this process starts do not inherit it.
    init(opening path: String, _ flags: Int32, mode: UInt32 = 0) throws(ErrorNumber) {
        number = systemOpen(path, flags | O_CLOEXEC, mode)
        guard number >= 0 else { throw .last }
    }

    deinit { systemClose(number) }
}
