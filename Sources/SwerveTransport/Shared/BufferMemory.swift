// The initialiser of a buffer over given memory, with the functions that free it, is not part of NIO's stable interface.
@_spi(CustomByteBufferAllocator) internal import NIOCore

/// Memory that a `ByteBuffer` uses in place, and that learns when the last buffer over it is gone.
///
/// The functions that a buffer calls get nothing but the memory's address, so the 16 bytes in front of it hold the
/// reference to this object.
class BufferMemory {
    /// No buffer uses the memory any more. Called once, on any thread, which may hold any lock: take only locks under
    /// which nothing else is called.
    func released(_ start: UnsafeMutableRawPointer) {}

    /// A buffer outgrows the memory, of which it is the only user.
    ///
    /// - Returns: other memory with the same first bytes, for ``released(_:)`` of its own object.
    func grown(_ start: UnsafeMutableRawPointer, from old: Int, to new: Int) -> UnsafeMutableRawPointer {
        let larger = HeapMemory.allocate(new, nil)
        larger.copyMemory(from: start, byteCount: min(old, new))
        BufferMemory.release(start)
        return larger
    }

    /// From now on this object learns when the memory is not used any more.
    ///
    /// - Parameter start: behind at least 16 bytes of memory that nobody else uses.
    final func own(_ start: UnsafeMutableRawPointer) { Self.put(self, before: start) }

    /// A buffer over memory whose end calls ``released(_:)``.
    final func buffer(_ start: UnsafeMutableRawPointer, capacity: Int, readable: Range<Int>) -> ByteBuffer {
        own(start)
        return ByteBuffer(
            takingOwnershipOf: UnsafeMutableRawBufferPointer(start: start, count: capacity),
            allocator: Self.allocator,
            readerIndex: readable.lowerBound,
            writerIndex: readable.upperBound
        )
    }

    // MARK: The reference in front of the bytes

    static let headerBytes = 16

    fileprivate static func put(_ memory: BufferMemory?, before start: UnsafeMutableRawPointer) {
        let reference = memory.map { UInt(bitPattern: Unmanaged.passRetained($0).toOpaque()) } ?? 0
        (start - headerBytes).storeBytes(of: reference, as: UInt.self)
    }

    private static func reference(before start: UnsafeMutableRawPointer) -> Unmanaged<BufferMemory>? {
        UnsafeRawPointer(bitPattern: (start - headerBytes).load(as: UInt.self)).map { Unmanaged.fromOpaque($0) }
    }

    static func release(_ start: UnsafeMutableRawPointer) {
        guard let reference = reference(before: start) else { return HeapMemory.free(start) }
        reference.takeRetainedValue().released(start)
    }

    private static let allocator = ByteBufferAllocator(
        allocate: { HeapMemory.allocate($0, nil) },
        reallocate: { start, old, new in
            guard let start else { return HeapMemory.allocate(new, nil) }
            guard let reference = BufferMemory.reference(before: start) else {
                let larger = HeapMemory.allocate(new, nil)
                larger.copyMemory(from: start, byteCount: min(old, new))
                HeapMemory.free(start)
                return larger
            }
            return reference.takeUnretainedValue().grown(start, from: old, to: new)
        },
        deallocate: { BufferMemory.release($0) },
        copy: { $0.copyMemory(from: $1, byteCount: $2) }
    )
}

/// Memory from the heap, which moves into a shared segment when it grows enough.
final class HeapMemory: BufferMemory {
    private let shared: SharedMemory

    init(_ shared: SharedMemory) {
        self.shared = shared
    }

    static func allocate(_ bytes: Int, _ memory: BufferMemory?) -> UnsafeMutableRawPointer {
        let front = UnsafeMutableRawPointer.allocate(byteCount: headerBytes + bytes, alignment: headerBytes)
        put(memory, before: front + headerBytes)
        return front + headerBytes
    }

    static func free(_ start: UnsafeMutableRawPointer) { (start - headerBytes).deallocate() }

    override func released(_ start: UnsafeMutableRawPointer) { Self.free(start) }

    override func grown(_ start: UnsafeMutableRawPointer, from old: Int, to new: Int) -> UnsafeMutableRawPointer {
        let larger = shared.takeMemory(new) ?? Self.allocate(new, self)
        larger.copyMemory(from: start, byteCount: min(old, new))
        BufferMemory.release(start)
        return larger
    }
}
