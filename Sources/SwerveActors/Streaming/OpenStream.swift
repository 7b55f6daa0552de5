internal import NIOCore
internal import SwerveCore

/// The stream behind a ``ResponseStream``, whatever its elements: in this process or from another.
package protocol OpenStream: AnyObject, Sendable {
    /// Nobody reads any more: ends the stream. No effect on one that is over.
    func abandon()
    /// Ends the stream with an error, which the reader gets at once.
    func fail(_ error: any Error)
    /// Calls `action` when the stream is over, or now if it is: on any thread.
    func whenOver(_ action: @escaping WhenOver.Action)
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
package struct WhenOver {
    /// Gets the error that broke the stream off; `nil` if it came to its end, or its reader wanted no more.
    package typealias Action = @Sendable (_ error: (any Error)?) -> Void

    private enum State {
        case open
        /// Goes to over.
        case ending((any Error)?)
        case over((any Error)?)
    }
    private var state = State.open
    private var actions: [Action] = []

    /// Notes why the stream ends; an earlier reason stays.
    mutating func note(_ error: (any Error)?) {
        if case .open = state { state = .ending(error) }
    }

    /// - Returns: whether to call it now, and with which error.
    mutating func add(_ action: @escaping Action) -> Due? {
        if case .over(let error) = state { return Due(error: error, actions: [action]) }
        actions.append(action)
        return nil
    }

    /// The stream is over.
    ///
    /// - Parameter error: why, if nothing was noted before.
    /// - Returns: what to call, after unlocking.
    mutating func take(_ error: (any Error)?) -> Due {
        note(error)
        defer { actions = [] }
        switch state {
        case .open, .over: return Due(error: nil, actions: [])
        case .ending(let error):
            state = .over(error)
            return Due(error: error, actions: actions)
        }
    }

    /// What is to be called.
    struct Due {
        fileprivate let error: (any Error)?
        fileprivate let actions: [Action]

        func call() {
            for action in actions { action(error) }
        }
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
        stream.whenOver { _ in timer.cancel() }
    }
}
