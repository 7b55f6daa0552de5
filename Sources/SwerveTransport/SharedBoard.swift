internal import CSwerveSystem
package import SwerveCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A page of memory by which a replica's process tells its callers how far it got, even when it is killed.
///
/// Each connection has a word in it: the highest stream that the process began to work on. A caller whose connection
/// broke reads the word and knows which of its requests certainly never started, without any message per request.
package final class SharedBoard: @unchecked Sendable {
    // Unchecked: the memory is only touched through atomic operations.
    package static let slots = 4096
    private static let bytes = slots * 8

    private let memory: UnsafeMutablePointer<UInt64>

    /// - Parameter create: makes the file with zeros, for the process that writes; otherwise it must be there.
    package init(path: String, create: Bool) throws(ServeError) {
        let file = open(path, create ? O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure("open", path) }
        defer { close(file) }
        if create {
            guard ftruncate(file, off_t(Self.bytes)) == 0 else { throw Self.failure("ftruncate", path) }
        } else {
            var status = stat()
            guard fstat(file, &status) == 0, status.st_size >= Self.bytes else { throw Self.failure("fstat", path) }
        }
        let mapped = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let mapped, mapped != MAP_FAILED else { throw Self.failure("mmap", path) }
        self.memory = mapped.bindMemory(to: UInt64.self, capacity: Self.slots)
    }

    deinit { munmap(memory, Self.bytes) }

    package func store(_ value: UInt64, at slot: Int) {
        precondition((0..<Self.slots).contains(slot))
        swerve_shared_store(memory + slot, value)
    }
    package func load(at slot: Int) -> UInt64? {
        (0..<Self.slots).contains(slot) ? swerve_shared_load(memory + slot) : nil
    }

    private static func failure(_ call: String, _ path: String) -> ServeError {
        ServeError(.system, "\(call) of '\(path)': \(String(cString: strerror(errno)))")
    }
}
