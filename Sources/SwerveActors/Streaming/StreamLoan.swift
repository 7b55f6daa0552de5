internal import SwerveCore
internal import Synchronization

/// Whether a ``ResponseStream`` is read, which can happen once.
final class StreamUse: Sendable {
    private enum Phase: UInt8, AtomicRepresentable {
        case unread, read, over
    }
    private let phase = Atomic(Phase.unread)
    /// That of the stream that was lent.
    private let lender: StreamUse?

    init(of lender: StreamUse? = nil) {
        self.lender = lender
    }

    /// Somebody begins to read.
    ///
    /// - Returns: why they cannot; `nil` if they are the first.
    func begin() -> ServeError? {
        let (isFirst, phase) = phase.compareExchange(
            expected: .unread,
            desired: .read,
            ordering: .acquiringAndReleasing
        )
        guard isFirst else { return phase == .over ? StreamDefaults.callIsOver : StreamDefaults.alreadyRead }
        return lender?.begin()
    }

    /// Nobody can begin any more.
    ///
    /// - Returns: whether somebody has begun.
    func end() -> Bool {
        phase.exchange(.over, ordering: .acquiringAndReleasing) == .read
    }
}

/// A stream that a call in this process lends to its method as an argument. Between processes, `FramedCall` does the same
/// with a connection.
struct StreamLoan: Sendable {
    private let use: StreamUse
    private let handle: StreamHandle

    init(_ use: StreamUse, _ handle: StreamHandle) {
        self.use = use
        self.handle = handle
    }

    /// The call is over. A stream that the method has begun to read ends. One that it has not is the caller's again, who
    /// may use it for another call.
    func end() {
        if use.end() { handle.open.fail(CancellationError()) }
    }
}
