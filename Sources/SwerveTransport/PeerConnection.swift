package import NIOCore
package import SwerveActors
package import SwerveCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Someone who waits for what comes on a stream. Called on the connection's event loop.
package protocol StreamOwner: AnyObject, Sendable {
    /// - Parameter stream: over when this is true of `kind`, or of the HTTP response's flags.
    func received(_ kind: FrameKind, _ body: ByteBuffer, on connection: PeerConnection)
    /// - Parameter started: false only when the replica certainly had not begun.
    func connectionLost(started: Bool, reason: String)
}

/// The one connection between two processes: it multiplexes the requests of both directions.
///
/// Any thread may send: frames are collected in one buffer under a lock, and the event loop writes them with one system
/// call per wake-up. When little is going on, the thread that sends writes to the socket itself, which spares the
/// wake-up. What arrives is handled on the event loop; requests are handed to the Swift pool once per batch.
package final class PeerConnection: Sendable {
    package let channel: any Channel
    package let eventLoop: any EventLoop
    let delegate: any PeerDelegate
    let hosted: HostedReplicas
    private let loopExecutor: LoopExecutor
    private let state: Mutex<State>
    let incoming = Mutex(IncomingTable())

    private struct State {
        /// Finished parts, before `tail`.
        var segments: [ByteBuffer] = []
        var tail = ByteBuffer()
        /// Frames that were appended since the last write.
        var waitingFrames = 0
        var isFlushScheduled = false
        /// Flushes that were given to the channel and are not written yet.
        var channelWrites = 0
        /// Batches of requests that hold their answers back until their end.
        var corks = 0
        /// The socket, for threads that write themselves; -1 when it is closed.
        var socket: Int32
        var closedBecause: String?
        var streams = StreamTable()
        var nextMethod: UInt32 = 1
        /// Where the peer tells how far it got.
        var peerBoard: (board: SharedBoard, slot: Int)?
        /// Where this process tells the peer.
        var ownBoard: (board: SharedBoard, slot: Int)?
    }

    /// The requests of the peer that are under way.
    let openIncoming = Atomic<Int>(0)

    /// - Parameter socket: a duplicate of the channel's socket, which the connection closes.
    package init(channel: any Channel, socket: Int32, delegate: any PeerDelegate, hosted: HostedReplicas) {
        self.channel = channel
        self.eventLoop = channel.eventLoop
        self.loopExecutor = LoopExecutor(channel.eventLoop)
        self.delegate = delegate
        self.hosted = hosted
        self.state = Mutex(State(socket: socket))
    }

    // MARK: Sending, from any thread

    /// Sends a frame that ``Frame/open(capacity:)`` began.
    package func send(_ kind: FrameKind, stream: UInt64, _ frame: consuming ByteBuffer, trailing: ByteBuffer? = nil) {
        Frame.close(&frame, kind: kind, stream: stream, trailing: trailing?.readableBytes ?? 0)
        let isOnLoop = eventLoop.inEventLoop
        flush(state.withLock { append(frame, trailing, to: &$0, isOnLoop) })
    }

    /// Sends a frame without a body.
    package func send(_ kind: FrameKind, stream: UInt64) {
        send(kind, stream: stream, Frame.open(capacity: 0))
    }

    /// Tells the other side that so many bytes of a body were taken.
    package func sendCredit(_ kind: FrameKind, stream: UInt64, _ bytes: Int) {
        var frame = Frame.open(capacity: 4)
        frame.writeInteger(UInt32(clamping: bytes), endianness: .little)
        send(kind, stream: stream, frame)
    }
    package static func credit(in body: ByteBuffer) -> Int {
        Int(body.getInteger(at: body.readerIndex, endianness: .little, as: UInt32.self) ?? 0)
    }

    package func send(_ message: ControlMessage) {
        sendEncoded(.control, message)
    }
    package func send(_ hello: Hello) {
        sendEncoded(.hello, hello)
    }

    private func sendEncoded(_ kind: FrameKind, _ value: some Encodable) {
        let writer = BinaryWriter(Frame.open())
        do {
            try writer.region(value)
        } catch {
            // Our own plain values: they always encode.
            preconditionFailure("a control message does not encode: \(error)")
        }
        send(kind, stream: 0, writer.buffer)
    }

    /// Begins a stream. The owner is called from now on until the stream is over.
    ///
    /// - Returns: the stream, or why there is none; the owner is not called then.
    package func open(
        _ kind: FrameKind,
        _ frame: consuming ByteBuffer,
        trailing: ByteBuffer? = nil,
        owner: any StreamOwner
    ) -> Result<UInt64, OpenFailure> {
        let size = frame.readableBytes + (trailing?.readableBytes ?? 0)
        guard size <= ConnectionLimits.maximumFrameBytes else { return .failure(.tooLarge(size)) }
        var need = Flush.none
        let isOnLoop = eventLoop.inEventLoop
        let result = state.withLock { state -> Result<UInt64, OpenFailure> in
            if let reason = state.closedBecause { return .failure(.closed(reason)) }
            guard let stream = state.streams.insert(owner) else { return .failure(.tooManyStreams) }
            Frame.close(&frame, kind: kind, stream: stream, trailing: trailing?.readableBytes ?? 0)
            need = append(frame, trailing, to: &state, isOnLoop)
            return .success(stream)
        }
        flush(need)
        return result
    }

    package enum OpenFailure: Error {
        case closed(String)
        case tooLarge(Int)
        case tooManyStreams

        package var error: ServeError {
            switch self {
            case .closed(let reason): ServeError(.replicaLost, reason)
            case .tooLarge(let bytes):
                ServeError(
                    .tooLarge,
                    "the request has \(bytes) bytes; a connection takes \(ConnectionLimits.maximumFrameBytes)"
                )
            case .tooManyStreams:
                ServeError(.queueFull, "a connection carries \(ConnectionLimits.maximumStreams) requests at a time")
            }
        }
    }

    /// Gives a number to a method of a replica of the peer.
    package func define(_ replica: ReplicaID, _ target: String) -> UInt32 {
        let number = state.withLock { state -> UInt32 in
            defer { state.nextMethod += 1 }
            return state.nextMethod
        }
        var frame = Frame.open()
        frame.writeString("\(replica.deployment)\0\(replica.number)\0\(target)")
        send(.define, stream: UInt64(number), frame)
        return number
    }

    /// What is to be done about frames that were appended.
    private enum Flush {
        case none
        /// The event loop has to be told.
        case later
        /// This is the event loop, and enough has come together.
        case now
    }

    private func append(
        _ frame: ByteBuffer,
        _ trailing: ByteBuffer?,
        to state: inout State,
        _ isOnLoop: Bool
    ) -> Flush {
        if state.closedBecause != nil { return .none }
        Self.append(frame, to: &state)
        if let trailing { Self.append(trailing, to: &state) }
        if state.corks > 0 { return .none }
        state.waitingFrames += 1
        if isOnLoop, state.waitingFrames >= ConnectionLimits.framesPerWrite { return .now }
        if state.isFlushScheduled { return .none }
        if !isOnLoop, isQuiet(state), writeDirectly(&state) { return .none }
        state.isFlushScheduled = true
        return .later
    }

    private func flush(_ need: Flush) {
        switch need {
        case .none: break
        case .later: scheduleFlush()
        case .now: flush()
        }
    }

    @inline(__always)
    private static func append(_ part: ByteBuffer, to state: inout State) {
        if part.readableBytes < ConnectionLimits.copyLimit {
            state.tail.writeImmutableBuffer(part)
            return
        }
        if state.tail.readableBytes > 0 {
            state.segments.append(state.tail)
            state.tail = ByteBuffer()
        }
        state.segments.append(part)
    }

    private func scheduleFlush() {
        eventLoop.execute { self.flush() }
    }

    private func flush() {
        let (segments, tail) = state.withLock { state in
            let (segments, tail) = (state.segments, state.tail)
            // Counted before anything is given to the channel: until it is written, nobody else writes to the socket.
            if tail.readableBytes > 0 || !segments.isEmpty { state.channelWrites += 1 }
            state.segments = []
            state.tail = ByteBuffer()
            state.isFlushScheduled = false
            state.waitingFrames = 0
            return (segments, tail)
        }
        guard tail.readableBytes > 0 || !segments.isEmpty else { return }
        for segment in segments { channel.write(segment, promise: nil) }
        channel.writeAndFlush(tail).whenComplete { _ in self.state.withLock { $0.channelWrites -= 1 } }
    }

    /// Done when the operating system has everything that was sent so far, or can have no more of it.
    package func sent() -> EventLoopFuture<Void> {
        eventLoop.flatSubmit {
            self.flush()
            return self.channel.writeAndFlush(ByteBuffer())
        }
    }

    // MARK: Writing without the event loop

    /// So few requests are under way that waiting for more to send together would only cost time.
    private func isQuiet(_ state: State) -> Bool {
        state.streams.count + openIncoming.load(ordering: .relaxed) <= 2
    }

    /// Writes what is collected, when nothing is on its way through the channel. What the socket does not take stays.
    private func writeDirectly(_ state: inout State) -> Bool {
        guard state.channelWrites == 0, !state.isFlushScheduled, state.segments.isEmpty, state.socket >= 0 else {
            return false
        }
        let written = state.tail.withUnsafeReadableBytes { bytes in
            Glibc.send(state.socket, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        }
        // An error is the channel's to find and to report.
        guard written > 0 else { return false }
        state.tail.moveReaderIndex(forwardBy: written)
        guard state.tail.readableBytes == 0 else { return false }
        state.tail.clear()
        state.waitingFrames = 0
        return true
    }

    // MARK: Batches of requests

    /// Starts the requests of one read; called on the event loop.
    func start(_ batch: [IncomingStream]) {
        var rest = batch[...]
        while let first = rest.first {
            let part = rest.prefix { $0.replica === first.replica }
            rest = rest.dropFirst(part.count)
            first.replica.start(CorkedBatch(work: Array(part), connection: self), from: loopExecutor)
        }
    }

    /// Requests whose answers leave in one write.
    private struct CorkedBatch: ReplicaBatch {
        let work: [any ReplicaWork]
        let connection: PeerConnection
        func begin() { connection.cork() }
        func end() { connection.uncork() }
    }

    private func cork() {
        state.withLock { $0.corks += 1 }
    }

    private func uncork() {
        let wake = state.withLock { state in
            state.corks -= 1
            guard state.closedBecause == nil, !state.isFlushScheduled,
                state.tail.readableBytes > 0 || !state.segments.isEmpty, !writeDirectly(&state)
            else { return false }
            state.isFlushScheduled = true
            return true
        }
        if wake { scheduleFlush() }
    }

    // MARK: Boards

    package func setOwnBoard(_ board: SharedBoard, slot: Int) {
        state.withLock { $0.ownBoard = (board, slot) }
    }
    package func setPeerBoard(_ board: SharedBoard, slot: Int) {
        state.withLock { $0.peerBoard = (board, slot) }
    }
    func noteStarted(_ stream: UInt64) {
        state.withLock { state in
            if let (board, slot) = state.ownBoard { board.store(stream, at: slot) }
        }
    }

    // MARK: Receiving, on the event loop

    func receivedResponse(_ kind: FrameKind, stream: UInt64, _ body: ByteBuffer) {
        let isOver = kind.endsStream || (kind == .responseHTTP && !HTTPFrames.bodyFollows(body))
        let owner = state.withLock { state in
            let owner = state.streams.owner(of: stream)
            if isOver { state.streams.remove(stream) }
            return owner
        }
        owner?.received(kind, body, on: self)
    }

    package func close(because reason: String) {
        markClosed(reason)
        channel.close(promise: nil)
    }

    func markClosed(_ reason: String) {
        let lost = state.withLock { state -> [(started: Bool, owner: any StreamOwner)]? in
            guard state.closedBecause == nil else { return nil }
            state.closedBecause = reason
            if state.socket >= 0 { Glibc.close(state.socket) }
            state.socket = -1
            state.segments = []
            state.tail = ByteBuffer()
            let begun = state.peerBoard.flatMap { $0.board.load(at: $0.slot) }
            return state.streams.removeAll().map { ($0.stream <= begun ?? .max, $0.owner) }
        }
        guard let lost else { return }
        for stream in incoming.withLock({ $0.removeAll() }) { stream.callerIsGone() }
        hosted.kept.releaseAll(of: self)
        delegate.closed(self, reason: reason)
        // In a later tick: the connection may be closing because a caller is just writing to it, and a caller is never
        // called back during its own call.
        eventLoop.execute { for (started, owner) in lost { owner.connectionLost(started: started, reason: reason) } }
    }

    package var isClosed: Bool { state.withLock { $0.closedBecause != nil } }
}

/// What a process does with the messages that are not requests. Called on the connection's event loop.
package protocol PeerDelegate: AnyObject, Sendable {
    func received(_ hello: Hello, on connection: PeerConnection)
    func received(_ message: ControlMessage, on connection: PeerConnection)
    /// Once, before the owners of the streams are told.
    func closed(_ connection: PeerConnection, reason: String)
}

/// The replicas that this process hosts.
package final class HostedReplicas: Sendable {
    private let replicas = Mutex<[ReplicaID: HostedReplica]>([:])
    /// The large results that the process keeps for others.
    package let kept = KeptResults()
    package init() {}

    package func add(_ replica: HostedReplica) {
        replicas.withLock { $0[replica.id] = replica }
    }
    package func remove(_ id: ReplicaID) {
        _ = replicas.withLock { $0.removeValue(forKey: id) }
    }
    package subscript(id: ReplicaID) -> HostedReplica? {
        replicas.withLock { $0[id] }
    }
}
