// Public, so that what is inlined in other targets can call it.
public import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Words of 64 bits in a file that several processes map into their memory.
///
/// Written and read for each request, so its functions are inlined into their callers.
@usableFromInline
package struct SharedWords: ~Copyable, @unchecked Sendable {
    // Unchecked: the memory is only touched through atomic operations.
    @usableFromInline let memory: UnsafeMutablePointer<UInt64>
    private let bytes: Int

    /// - Parameter create: makes the file with zeros; otherwise it must be there.
    /// - Throws: ``SystemFailure``, whose `attempt` is the name of the system call.
    package init(path: String, count: Int, create: Bool) throws(SystemFailure) {
        bytes = count * MemoryLayout<UInt64>.size
        let file: Descriptor
        do {
            file = try Descriptor(opening: path, create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, mode: 0o600)
        } catch {
            throw SystemFailure("open", path, error)
        }
        if create {
            guard ftruncate(file.number, off_t(bytes)) == 0 else { throw SystemFailure("ftruncate", path, .last) }
        } else {
            guard let status = FileStatus(file.number) else { throw SystemFailure("fstat", path, .last) }
            guard status.size >= bytes else { throw SystemFailure("fstat", path, .invalidArgument) }
        }
        let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0)
        guard let mapped, mapped != MAP_FAILED else { throw SystemFailure("mmap", path, .last) }
        memory = mapped.bindMemory(to: UInt64.self, capacity: count)
    }

    deinit { munmap(memory, bytes) }

    @inlinable
    package borrowing func store(_ value: UInt64, at index: Int) { swerve_shared_store(memory + index, value) }

    @inlinable
    package borrowing func load(at index: Int) -> UInt64 { swerve_shared_load(memory + index) }
}
