package import SwerveCore
package import SwerveLogs
internal import SwerveSystem

/// What becomes of what processes write.
package struct ProcessOutput: Sendable {
    /// Whether it goes to this process's own standard output and standard error.
    package var passesOn: Bool
    /// Keeps it; `nil` if nobody does.
    package var store: LogStore?
    /// Under which name it is kept.
    package var source: @Sendable (ReplicaID) -> LogSource

    package init(
        passesOn: Bool = true,
        keptIn store: LogStore? = nil,
        as source: @escaping @Sendable (ReplicaID) -> LogSource = { .replica($0) }
    ) {
        self.passesOn = passesOn
        self.store = store
        self.source = source
    }
}

/// Takes what a child writes to its standard output or standard error: passes it on, divides it into lines that are
/// kept, and remembers the last ones.
///
/// A slow reader of this process's output slows the children down, as it would if they wrote to it themselves. Keeping
/// lines never waits.
final class OutputRelay: @unchecked Sendable {
    // Unchecked: the variables are only touched on the reader's thread. There is one, so output which children write at the
    // same time does not mix.

    /// The child's end; the launcher closes it once the child has it.
    let writingEnd: Int32
    private let readingEnd: Int32
    private let destination: Int32?
    private let keep: ([String]) -> Void
    private var splitter: LineSplitter
    private var last = LastOutput()
    private var isOver = false

    /// - Parameters:
    ///   - destination: the descriptor that gets everything; `nil` for none.
    ///   - limit: the longest line that is kept, in bytes.
    ///   - keep: gets the lines.
    /// - Returns: `nil` when no descriptors are left.
    init?(to destination: Int32?, limit: Int = 0, keep: @escaping ([String]) -> Void = { _ in }) {
        guard let pipe = Descriptors.makePipe() else { return nil }
        (readingEnd, writingEnd) = (pipe.readingEnd, pipe.writingEnd)
        self.destination = destination
        self.keep = keep
        splitter = LineSplitter(limit: limit)
        // Holds the relay until nobody has the pipe any more: programs that the child started may outlive it.
        let isRead = PipeReader.shared.add(readingEnd) {
            self.read()
            return !self.isOver
        }
        guard isRead else {
            Descriptors.close(readingEnd)
            Descriptors.close(writingEnd)
            return nil
        }
    }

    /// Takes what the child has written until now, and returns its last lines. Call it when the child has ended.
    func lastLines() async -> String {
        await withCheckedContinuation { continuation in
            PipeReader.shared.run {
                self.read()
                self.endLine()
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
            keep(splitter.wrote(bytes[..<count]))
            // What nobody takes is lost; it is no reason to end.
            if let destination { try? Descriptors.writeAll(destination, bytes[..<count]) }
        }
    }

    private func endLine() { if let line = splitter.end() { keep([line]) } }

    private func end() {
        guard !isOver else { return }
        isOver = true
        endLine()
    }
}
