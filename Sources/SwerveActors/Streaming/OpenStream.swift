internal import NIOCore
internal import SwerveCore

/// The stream behind a ``ResponseStream``, whatever its elements: in this process or from another.
package protocol OpenStream: AnyObject, Sendable {
    /// Nobody reads any more: ends the stream. No effect on one that is over.
    func abandon()
    /// Ends the stream with an error, which the reader gets at once.
    func fail(_ error: any Error)
    /// Calls `release` when the stream is over, or now if it is: on any thread.
    func whenOver(_ release: @escaping @Sendable () -> Void)
}

/// Ends a stream when nobody can read it any more.
package final class StreamHandle: Sendable {
    let open: any OpenStream

    init(_ open: any OpenStream) {
        self.open = open
    }

    deinit {
        open.abandon()
    }
}

/// A ``ResponseStream``, whatever its elements.
package protocol AnyResponseStream: Codable, Sendable {
    /// The same stream, for code that knows the elements' type.
    init(_ stream: UntypedStream)
    var open: any OpenStream { get }
    /// Begins to make the elements, for a caller in this process.
    ///
    /// - Parameter executor: where the replica's tasks run; `nil` is the Swift pool.
    func begin(on executor: (any TaskExecutor)?)
    /// Makes the elements and writes them, at the pace of their reader.
    func send(to writer: ItemWriter) async throws
    /// The same stream, which is over at the end of the call that has these arguments.
    func lent(by arguments: Arguments) -> Self
    /// How many elements may wait between processes.
    var maxAhead: Int { get }
    /// Whether its elements were made or read, so that it cannot be sent again.
    var isUsed: Bool { get }
}

/// A stream as the result of a call.
@usableFromInline
package final class StreamedResult: Sendable {
    package let stream: any AnyResponseStream

    package init(_ stream: any AnyResponseStream) {
        self.stream = stream
    }
}

extension Arguments {
    /// Whether any argument is a stream, which only one attempt can read.
    package var hasStreams: Bool {
        (0..<count).contains { index in
            if case .value(let value) = self[index] { value is any AnyResponseStream } else { false }
        }
    }
}

/// What is done when a stream is over, each exactly once.
struct WhenOver {
    private var isOver = false
    private var actions: [@Sendable () -> Void] = []

    /// - Returns: whether to call it now.
    mutating func add(_ action: @escaping @Sendable () -> Void) -> Bool {
        if !isOver { actions.append(action) }
        return isOver
    }

    /// - Returns: what to call, after unlocking.
    mutating func take() -> [@Sendable () -> Void] {
        isOver = true
        defer { actions = [] }
        return actions
    }
}

extension ServeSystem {
    /// Ends the stream when the current request's deadline passes.
    @inline(never)
    func watchDeadline(of stream: any OpenStream) {
        guard let deadline = ServeContext.current?.deadline, let remaining = deadline.remaining else { return }
        let timer = (deadline.clock ?? clock).scheduleTask(in: remaining) { [weak stream] in
            // The deadline of a request that is over does not count.
            guard deadline.remaining != nil else { return }
            stream?.fail(ServeError(.deadlineExceeded, "the request's deadline passed before the stream ended"))
        }
        stream.whenOver { timer.cancel() }
    }
}
