internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SwerveSystem

/// Downloads one file of a snapshot into the cache.
struct BlobDownload: Sendable {
    /// The number of bytes to write at once.
    private static let writeSize = 1 << 20

    let file: HubFile
    let repository: String
    let commit: String
    let client: HubClient
    let cache: HubCache
    let options: ModelHubOptions
    let progress: ProgressReporter

    private var subject: String { "\(HubName.quoted(file.path)) of \(repository)" }
    private var limits: HubLimits { options.limits }

    /// - Throws: ``HubError``, or `CancellationError`; the received bytes are kept for the next load.
    func run() async throws {
        let metadata = try await metadata()
        try await Disk.run { try cache.prepare(file.path, commit: commit) }
        try await FileLock.withLock(
            cache.layout.lock(metadata.etag),
            for: file.path,
            limits: limits,
            logger: options.logger,
            sleep: client.sleep
        ) {
            if try await Disk.run({ try cache.hasBlob(metadata.etag, size: metadata.size) }) {
                progress.counted(metadata.size ?? 0)
            } else {
                try await download(metadata)
            }
            try await Disk.run { try cache.link(file.path, commit: commit, etag: metadata.etag) }
        }
        progress.finishedFile()
    }

    private func metadata() async throws -> HubAnswer.FileMetadata {
        let metadata = try await client.metadata(file.path, of: repository, commit: commit)
        if let sha256 = file.sha256, sha256 != metadata.etag {
            throw HubError(
                .server,
                "\(subject): the hub lists SHA-256 \(HubName.quoted(sha256)) but sends \(metadata.etag)"
            )
        }
        if let listed = file.size, let size = metadata.size, listed != size {
            throw HubError(.server, "\(subject): the hub lists \(listed) bytes but announces \(size)")
        }
        guard metadata.size ?? 0 <= limits.maximumFileBytes else {
            throw HubError(
                .tooLarge,
                "\(subject) has \(metadata.size ?? 0) bytes; the limit maximumFileBytes is \(limits.maximumFileBytes)"
            )
        }
        return metadata
    }

    /// Call while holding the lock.
    private func download(_ metadata: HubAnswer.FileMetadata) async throws {
        let place = cache.layout.blob(metadata.etag)
        let path = cache.layout.partial(metadata.etag)
        let partial = try await Disk.run { try PartialFile(path, etag: metadata.etag, size: metadata.size) }
        while try await Disk.run({ try partial.readOn() }) {}
        // Without a size, nothing tells whether the existing bytes are complete.
        if metadata.size == nil { try await Disk.run { try partial.restart() } }
        progress.counted(partial.count)
        try await Disk.run { try partial.checkRoom() }

        var policy = RetryPolicy(limits)
        var validator: String?
        var hasFailedCheck = false
        while true {
            let before = partial.count
            do {
                try await receive(into: partial, metadata, &validator)
            } catch let failure as TransientFailure {
                let pause = policy.pause(
                    retryAfter: failure.retryAfter,
                    progress: partial.count - before,
                    chance: Double.random(in: 0..<1)
                )
                guard let pause else { throw failure.error }
                options.logger.info(
                    "a download was interrupted; continuing",
                    metadata: ["file": "\(file.path)", "bytes": "\(partial.count)", "error": "\(failure.error)"]
                )
                try await client.sleep(pause)
                continue
            }
            guard let wrong = try await Disk.run({ try partial.finish(movingTo: place) }) else { return }
            try await restart(partial)
            // An earlier download's bytes may be at fault, so a damaged file is downloaded once more from its first
            // byte.
            guard !hasFailedCheck else {
                throw HubError(
                    .checksumMismatch,
                    "\(subject) arrived twice with hash \(wrong) instead of \(metadata.etag); something between here and "
                        + "the hub changes it"
                )
            }
            hasFailedCheck = true
            options.logger.warning(
                "a file arrived damaged; downloading it again",
                metadata: ["file": "\(file.path)", "hash": "\(wrong)", "expected": "\(metadata.etag)"]
            )
        }
    }

    private func restart(_ partial: PartialFile) async throws {
        progress.counted(-partial.count)
        try await Disk.run { try partial.restart() }
    }

    /// Receives the bytes of one answer. Returns when the file is complete.
    private func receive(
        into partial: PartialFile,
        _ metadata: HubAnswer.FileMetadata,
        _ validator: inout String?
    ) async throws {
        if let size = metadata.size, partial.count == size { return }
        let start = partial.count
        let response = try await client.open(
            file.path,
            of: repository,
            commit: commit,
            start: start,
            validator: validator
        )
        try await check(response, partial, metadata, start: start)
        validator = response.headers.first(name: "ETag").flatMap { $0.hasPrefix("\"") ? $0 : nil }

        var pending = ByteBuffer()
        do {
            for try await buffer in response.body {
                progress.received(buffer.readableBytes)
                pending.writeImmutableBuffer(buffer)
                try checkSize(partial.count + pending.readableBytes, metadata)
                if pending.readableBytes >= BlobDownload.writeSize { try await write(&pending, to: partial) }
            }
        } catch let error as HubError {
            throw error
        } catch {
            let failure = client.transportFailure(error)
            try await write(&pending, to: partial)
            throw failure
        }
        try await write(&pending, to: partial)
        if let size = metadata.size, partial.count < size {
            throw TransientFailure(
                error: HubError(.server, "\(subject): the answer ended after \(partial.count) of \(size) bytes")
            )
        }
    }

    /// Checks the head of an answer before receiving its bytes.
    private func check(
        _ response: HTTPClientResponse,
        _ partial: PartialFile,
        _ metadata: HubAnswer.FileMetadata,
        start: Int
    ) async throws {
        var begin = 0
        switch response.status.code {
        case 206:
            let range = HubAnswer.range(response.headers.first(name: "Content-Range"))
            guard let range, range.start == start, range.size == nil || range.size == metadata.size else {
                try await restart(partial)
                throw TransientFailure(error: HubError(.server, "\(subject): another part was sent than requested"))
            }
            begin = start
        case 416:
            try await restart(partial)
            throw TransientFailure(error: HubError(.server, "\(subject): the part from byte \(start) on was refused"))
        default:
            // The answer is the whole file, whether requested or not.
            if start > 0 { try await restart(partial) }
        }
        if let coding = response.headers.first(name: "Content-Encoding"), coding.lowercased() != "identity" {
            throw HubError(.server, "\(subject): sent with encoding \(HubName.quoted(coding)), which was not requested")
        }
        if let size = metadata.size, let length = response.headers.first(name: "Content-Length").flatMap({ Int($0) }),
            length != size - begin
        {
            try await checkPointer(response, length: begin + length)
            throw HubError(.checksumMismatch, "\(subject) has \(size) bytes on the hub; \(begin + length) were sent")
        }
    }

    /// Names the text that a mirror without Git LFS sends instead of a large file.
    private func checkPointer(_ response: HTTPClientResponse, length: Int) async throws {
        guard length < GitLFSPointer.maximumBytes,
            let body = try? await response.body.collect(upTo: GitLFSPointer.maximumBytes),
            GitLFSPointer.isPointer(body.readableBytesView)
        else { return }
        throw HubError(
            .checksumMismatch,
            "\(subject): the server sent a Git LFS pointer instead of the file, because its copy of the repository lacks "
                + "the large files; run `git lfs pull` in that copy, or set HF_ENDPOINT to another hub"
        )
    }

    private func checkSize(_ count: Int, _ metadata: HubAnswer.FileMetadata) throws(HubError) {
        if let size = metadata.size, count > size {
            throw HubError(.checksumMismatch, "\(subject) has \(size) bytes on the hub; more were sent")
        }
        guard count <= limits.maximumFileBytes else {
            throw HubError(
                .tooLarge,
                "\(subject) has more than \(limits.maximumFileBytes) bytes, the limit maximumFileBytes"
            )
        }
    }

    private func write(_ pending: inout ByteBuffer, to partial: PartialFile) async throws {
        guard pending.readableBytes > 0 else { return }
        let buffer = pending
        pending = ByteBuffer()
        try await Disk.run { try partial.append(buffer) }
    }
}
