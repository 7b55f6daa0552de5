internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Passes on what a child writes to its standard error, and keeps the last lines.
///
/// A slow reader slows the children down, as it would if they wrote to it themselves.
final class ErrorRelay: @unchecked Sendable {
    // Unchecked: the variables are only touched on the queue.

    /// Serial, so that output which children write at the same time does not mix.
    private static let queue = DispatchQueue(label: "swerve.errors")

    /// The child's end; the launcher closes it once the child has it.
    let writingEnd: Int32
    private let readingEnd: Int32
    private let destination: Int32
    private let source: any DispatchSourceRead
    private var last = LastOutput()
    private var isOver = false

    /// - Returns: `nil` when no descriptors are left.
    init?(to destination: Int32 = STDERR_FILENO) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        (readingEnd, writingEnd) = (ends[0], ends[1])
        self.destination = destination
        source = DispatchSource.makeReadSource(fileDescriptor: readingEnd, queue: Self.queue)
        let readingEnd = readingEnd
        source.setCancelHandler { close(readingEnd) }
        // Keeps the relay alive until nobody holds the pipe: programs that the child started may outlive it.
        source.setEventHandler { self.read() }
        source.activate()
    }

    /// The child's last lines. Call it when the child has ended.
    func lastLines() async -> String {
        await withCheckedContinuation { continuation in
            Self.queue.async {
                self.read()
                continuation.resume(returning: self.last.text())
            }
        }
    }

    private func read() {
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        while !isOver {
            let count = receive(from: readingEnd, &bytes)
            if count == 0 { return end() }
            guard count > 0 else { return }
            last.wrote(bytes[..<count])
            passOn(bytes[..<count])
        }
    }

    private func passOn(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(destination, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return }
        }
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        source.cancel()
        source.setEventHandler(handler: nil)
    }
}

/// Has another name because methods here are called `read`.
private func receive(from descriptor: Int32, _ bytes: inout [UInt8]) -> Int { read(descriptor, &bytes, bytes.count) }
