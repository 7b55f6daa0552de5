internal import NIOCore
internal import SwerveSystem
internal import Synchronization

/// A file whose first bytes have arrived, with their hash. Its methods block, so they run on ``Disk``'s threads.
///
/// To be used by one task while it holds the file's lock.
final class PartialFile: Sendable {
    private struct State {
        var count = 0
        var digest: ContentDigest
    }

    private static let hashStep = 32 << 20

    private let path: String
    private let etag: String
    private let size: Int?
    private let file: OpenFile
    private let state: Mutex<State>

    /// Opens the existing file or creates a new one.
    init(_ path: String, etag: String, size: Int?) throws(HubError) {
        self.path = path
        self.etag = etag
        self.size = size
        file = try Files.adapted(OpenFile(path, mode: 0o666))
        state = Mutex(State(digest: ContentDigest(etag: etag, size: size)))
    }

    /// How many bytes have arrived and been hashed.
    var count: Int { state.withLock(\.count) }

    /// Hashes the next part of an earlier download's bytes; false when there are no more.
    ///
    /// Bytes that exceed the size of the whole file cannot be its beginning, so they are discarded.
    func readOn() throws(HubError) -> Bool {
        try state.withLock { state throws(HubError) in
            var chunk = [UInt8](repeating: 0, count: 1 << 20)
            var rest = PartialFile.hashStep
            while rest > 0 {
                let count = try Files.adapted(file.read(into: &chunk))
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

    /// Discards all bytes.
    func restart() throws(HubError) {
        try state.withLock { state throws(HubError) in try reset(&state) }
    }

    private func reset(_ state: inout State) throws(HubError) {
        try Files.adapted(file.empty())
        state.count = 0
        state.digest = ContentDigest(etag: etag, size: size)
    }

    /// Fails when there is no room for the rest of the file, before any byte is requested.
    func checkRoom() throws(HubError) {
        guard let size, let free = FileSystem.freeBytes(CacheLayout.parent(path)) else { return }
        let rest = size - count
        guard free >= rest else {
            throw HubError(
                .diskFull,
                "\(rest) bytes are to come, but \(CacheLayout.parent(path)) has room for \(free); make room, or set "
                    + "HF_HUB_CACHE to another disk"
            )
        }
    }

    /// Appends bytes. After a failure the object is no longer usable; some of the bytes may be in the file, and are
    /// valid.
    func append(_ buffer: ByteBuffer) throws {
        try state.withLock { state in
            try buffer.withUnsafeReadableBytes { bytes in
                try Files.adapted(file.writeAll(bytes))
                state.digest.update(bytes)
            }
            state.count += buffer.readableBytes
        }
    }

    /// Moves the complete file to its place if its hash matches its tag. The bytes are synced to disk before the
    /// rename.
    ///
    /// - Returns: the actual hash if it does not match; otherwise nil.
    func finish(movingTo place: String) throws(HubError) -> String? {
        if let wrong = state.withLock({ $0.digest.mismatch() }) { return wrong }
        try Files.adapted(file.sync())
        try Files.adapted(FileSystem.rename(path, to: place))
        return nil
    }
}
