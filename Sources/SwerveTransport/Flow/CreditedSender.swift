internal import NIOCore
internal import SwerveActors
internal import SwerveHTTPTypes

/// The sending end of one body: bytes leave only as the reader takes earlier ones. Pure. Bodies of HTTP requests and
/// answers and the values of calls use it, in both directions.
///
/// At most ``StreamLimits/window`` bytes are on the way. While some are, small parts wait and leave together, so that
/// the reader holds few buffers.
struct CreditedSender: Sendable {
    /// A part that may be sent.
    struct Part: Sendable {
        let bytes: ByteBuffer
        /// Whether this is the body's last part.
        let isLast: Bool
    }

    private var queue = ByteQueue()
    private var onTheWay = 0
    private var isEnded = false
    private(set) var isOver = false

    /// The number of bytes that wait.
    var waiting: Int { queue.bytes }

    /// - Parameter sent: the bytes that were sent before, within the reader's first window.
    init(sent: Int = 0) {
        onTheWay = sent
    }

    mutating func push(_ bytes: ByteBuffer) {
        if !isEnded { queue.append(bytes) }
    }

    mutating func end() {
        isEnded = true
    }

    /// The reader took this many bytes.
    ///
    /// - Returns: `false` when it claims more than it was sent.
    mutating func consumed(_ bytes: Int) -> Bool {
        guard bytes >= 0, bytes <= onTheWay else { return false }
        onTheWay -= bytes
        return true
    }

    /// The next part that may be sent now.
    mutating func next() -> Part? {
        if isOver { return nil }
        if queue.isEmpty {
            guard isEnded else { return nil }
            isOver = true
            return Part(bytes: ByteBuffer(), isLast: true)
        }
        if onTheWay > 0, !isEnded, queue.bytes < StreamLimits.smallPart { return nil }
        let room = StreamLimits.window - onTheWay
        guard let bytes = queue.take(upTo: min(room, StreamLimits.part)) else { return nil }
        onTheWay += bytes.readableBytes
        isOver = isEnded && queue.bytes == 0
        return Part(bytes: bytes, isLast: isOver)
    }
}

/// The reading end's count of the bytes it took. It reports them in steps, so that not every part costs a frame. It
/// reports at once when nothing is left to read, because the writer may be waiting.
struct ConsumedBytes: Sendable {
    private var received = 0
    private var consumed = 0
    private var reported = 0

    /// - Returns: `false` when the writer sent more than the window allows.
    mutating func received(_ bytes: Int) -> Bool {
        received += bytes
        return received - reported <= StreamLimits.window
    }

    /// The reader took this many bytes, which it reports at once.
    ///
    /// - Returns: how many bytes to report.
    mutating func reported(_ bytes: Int) -> Int {
        consumed += bytes
        defer { reported = consumed }
        return consumed - reported
    }

    /// - Returns: how many bytes to report, or 0 to wait.
    mutating func consumed(_ bytes: Int) -> Int {
        consumed += bytes
        let due = consumed - reported
        guard due >= StreamLimits.window / 4 || consumed >= received else { return 0 }
        reported = consumed
        return due
    }
}
