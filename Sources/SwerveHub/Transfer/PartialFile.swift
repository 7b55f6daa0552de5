internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A file whose first bytes have arrived, with the hash of them. Its methods block: they run on ``Disk``'s threads.
///
/// Used while its lock is held, and by one task.
final class PartialFile: Sendable {
    private struct State {
        var count = 0
        var digest: ContentDigest
    }

    private static let hashStep = 32 << 20

    private let path: String
    private let etag: String
    private let size: Int?
    private let descriptor: Int32
    private let state: Mutex<State>

    /// Opens what there is, or begins anew.
    init(_ path: String, etag: String, size: Int?) throws(HubError) {
        self.path = path
        self.etag = etag
        self.size = size
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        state = Mutex(State(digest: ContentDigest(etag: etag, size: size)))
        guard descriptor >= 0 else { throw Files.failure("write", path, errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// How many bytes have arrived and are hashed.
    var count: Int { state.withLock(\.count) }

    /// Hashes the next part of what an earlier download left; false when there is no more.
    ///
    /// More than the whole file cannot be the beginning of it, so that is thrown away.
    func readOn() throws(HubError) -> Bool {
        try state.withLock { state throws(HubError) in
            var chunk = [UInt8](repeating: 0, count: 1 << 20)
            var rest = PartialFile.hashStep
            while rest > 0 {
                let count = Files.readSome(descriptor, &chunk)
                guard count >= 0 else { throw Files.failure("read", path, errno) }
                if count == 0 { return false }
                if let size, state.count + count > size {
                    try reset(&state)
                    return false
                }
                chunk.withUnsafeBytes { state.digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                state.count += count
                rest -= count
            }
            return true
        }
    }

    /// Throws away what there is.
    func restart() throws(HubError) {
        try state.withLock { state throws(HubError) in try reset(&state) }
    }

    private func reset(_ state: inout State) throws(HubError) {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw Files.failure("empty", path, errno)
        }
        state.count = 0
        state.digest = ContentDigest(etag: etag, size: size)
    }

    /// Fails before a byte is asked for when the rest of the file cannot find room.
    func checkRoom() throws(HubError) {
        guard let size, let free = Files.freeBytes(CacheLayout.parent(path)) else { return }
        let rest = size - count
        guard free >= rest else {
            throw HubError(
                .diskFull,
                "\(rest) bytes are to come and \(CacheLayout.parent(path)) has room for \(free); make room, or set "
                    + "HF_HUB_CACHE to another disk"
            )
        }
    }

    /// Adds bytes at the end. After a failure the object is of no more use; some of the bytes may be in the file, and are
    /// as good as those before them.
    func append(_ buffer: ByteBuffer) throws {
        try state.withLock { state in
            try buffer.withUnsafeReadableBytes { bytes in
                try Files.writeAll(descriptor, bytes, path)
                state.digest.update(bytes)
            }
            state.count += buffer.readableBytes
        }
    }

    /// Moves the whole file to its place, if it is what its tag promises; the bytes are on the disk before its name is.
    ///
    /// - Returns: the hash that it has instead, when it is not.
    func finish(movingTo place: String) throws(HubError) -> String? {
        if let wrong = state.withLock({ $0.digest.mismatch() }) { return wrong }
        guard fsync(descriptor) == 0 else { throw Files.failure("write", path, errno) }
        try Files.rename(path, place)
        return nil
    }
}
