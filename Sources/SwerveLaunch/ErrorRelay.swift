internal import Dispatch
internal import SwerveSystem

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
    init?(to destination: Int32 = StandardError.descriptor) {
        guard let pipe = Descriptors.makePipe() else { return nil }
        (readingEnd, writingEnd) = (pipe.readingEnd, pipe.writingEnd)
        self.destination = destination
        source = DispatchSource.makeReadSource(fileDescriptor: readingEnd, queue: Self.queue)
        let readingEnd = readingEnd
        source.setCancelHandler { Descriptors.close(readingEnd) }
        // Holds the relay until nobody has the pipe any more: programs that the child started may outlive it.
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
            // Fails when there is nothing to read now.
            guard let count = try? Descriptors.read(readingEnd, into: &bytes) else { return }
            if count == 0 { return end() }
            last.wrote(bytes[..<count])
            // What nobody takes is lost; it is no reason to end.
            try? Descriptors.writeAll(destination, bytes[..<count])
        }
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        source.cancel()
        source.setEventHandler(handler: nil)
    }
}
