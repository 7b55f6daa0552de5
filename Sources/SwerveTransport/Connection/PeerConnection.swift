package import NIOCore
package import SwerveActors
internal import SwerveCore
internal import SwerveReplica
internal import Synchronization

/// The caller's end of a stream: receives its frames. Called on the connection's event loop, never during a call that
/// the owner makes to the connection.
protocol StreamOwner: AnyObject, Sendable {
    /// The stream's number, from ``PeerConnection/open(_:_:_:)`` on.
    var number: Atomic<UInt64> { get }
    /// - Throws: an error that says what the peer did wrong; the connection is then closed.
    ///
    /// - Parameter shared: the content of an HTTP answer if it lies in shared memory.
    func received(_ kind: FrameKind, _ body: ByteBuffer, shared: ByteBuffer?) throws
    /// - Parameter started: `false` only when the request certainly did not begin.
    func lost(started: Bool, reason: String)
}

/// One connection between two processes: it multiplexes the requests of both directions.
///
/// Any thread may send. ``OutgoingBuffer`` decides who writes: the event loop, for the frames of a whole tick, or, when
/// little is going on, the sending thread, which saves a wake-up. Incoming bytes are handled on the event loop.
package final class PeerConnection: Sendable {
    package let eventLoop: any EventLoop
    let delegate: any PeerDelegate
    let hosted: HostedReplicas
    private let wire: any Wire
    private let reader: NIOLoopBound<FrameReader>
    /// `nil` where no memory is shared.
    let memory: MemoryLink?
    private let state = Mutex(State())

    private struct State {
        var out = OutgoingBuffer()
        var closedBecause: String?
        /// The callers of ``sent()``, until the operating system has everything.
        var waitingForSent: [EventLoopPromise<Void>] = []
        var streams = StreamTable<any StreamOwner>()
        /// The peer's requests that are under way.
        var incoming = IncomingTable()
        var nextMethod: UInt32 = 1
        /// Where the peer notes the last stream it began.
        var peerBoard: BoardSlot?
        /// Where this process notes the last stream it began.
        var ownBoard: BoardSlot?

        /// Whether so few requests are under way that waiting to write several frames together would only cost time.
        var isQuiet: Bool { streams.count + incoming.count <= 2 }

        mutating func takeSent() -> [EventLoopPromise<Void>] {
            guard !waitingForSent.isEmpty, out.isDrained else { return [] }
            defer { waitingForSent = [] }
            return waitingForSent
        }
    }

    /// Made on the wire's event loop.
    package init(wire: any Wire, delegate: any PeerDelegate, hosted: HostedReplicas) {
        self.wire = wire
        self.eventLoop = wire.eventLoop
        self.delegate = delegate
        self.hosted = hosted
        self.reader = NIOLoopBound(FrameReader(LoopExecutor(wire.eventLoop)), eventLoop: wire.eventLoop)
        self.memory = hosted.memory.map { MemoryLink($0) }
        memory?.connect(self)
    }

    // MARK: Sending, from any thread

    /// Sends a frame that ``Frame/open(capacity:)`` began.
    func send(_ kind: FrameKind, stream: UInt64, _ frame: consuming ByteBuffer, trailing: ByteBuffer? = nil) {
        Frame.close(&frame, kind: kind, stream: stream, trailing: trailing?.readableBytes ?? 0)
        let isOnLoop = eventLoop.inEventLoop
        perform(state.withLock { $0.out.append(frame, trailing, isOnLoop: isOnLoop, isQuiet: $0.isQuiet) })
    }

    /// Sends a frame whose body is written in place.
    @inline(__always)
    func send(_ kind: FrameKind, stream: UInt64, isShared: Bool = false, _ body: (inout ByteBuffer) -> Void) {
        let isOnLoop = eventLoop.inEventLoop
        let action = state.withLock { state in
            state.out.append(isOnLoop: isOnLoop, isQuiet: state.isQuiet) {
                Frame.append(kind, stream: stream, isShared: isShared, to: &$0, body)
            }
        }
        perform(action)
    }

    /// Tells the other side that this many bytes of a body were taken.
    func sendCredit(_ kind: FrameKind, stream: UInt64, _ bytes: Int) {
        send(kind, stream: stream) { $0.writeInteger(UInt32(clamping: bytes), endianness: .little) }
    }

    package func send(_ message: ControlMessage) { sendEncoded(.control, message) }
    package func send(_ hello: Hello) { sendEncoded(.hello, hello) }

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

    // MARK: Streams

    enum OpenFailure: Error {
        case closed(String)
        case tooManyStreams
    }

    /// Opens a stream with a frame whose body is written in place, followed by `trailing`. The owner is called until
    /// the stream is over, but never during this call.
    func open(
        _ kind: FrameKind,
        _ owner: any StreamOwner,
        isShared: Bool = false,
        trailing: ByteBuffer? = nil,
        _ body: (inout ByteBuffer) -> Void
    ) -> OpenFailure? {
        let isOnLoop = eventLoop.inEventLoop
        let isCopied = (trailing?.readableBytes ?? 0) < ConnectionLimits.copyLimit
        let (failure, action) = state.withLock { state -> (OpenFailure?, OutgoingBuffer.Action) in
            if let reason = state.closedBecause { return (.closed(reason), .none) }
            if state.out.isBroken { return (.closed("writing to it failed"), .none) }
            guard let stream = state.streams.insert(owner) else { return (.tooManyStreams, .none) }
            owner.number.store(stream, ordering: .relaxed)
            if isCopied {
                let action = state.out.append(isOnLoop: isOnLoop, isQuiet: state.isQuiet) {
                    Frame.append(kind, stream: stream, isShared: isShared, to: &$0) { frame in
                        body(&frame)
                        if let trailing { frame.writeImmutableBuffer(trailing) }
                    }
                }
                return (nil, action)
            }
            var frame = Frame.open(capacity: 512)
            body(&frame)
            Frame.close(&frame, kind: kind, stream: stream, trailing: trailing?.readableBytes ?? 0)
            return (nil, state.out.append(frame, trailing, isOnLoop: isOnLoop, isQuiet: state.isQuiet))
        }
        perform(action)
        return failure
    }

    /// Gives a number to a method of one of the peer's replicas.
    func define(_ replica: ReplicaID, _ target: String) -> UInt32 {
        let number = state.withLock { state -> UInt32 in
            defer { state.nextMethod += 1 }
            return state.nextMethod
        }
        send(.define, stream: UInt64(number)) {
            $0.writeString("\(replica.deployment)\0\(replica.number)\0\(target)")
        }
        return number
    }

    /// Who awaits the answer to a request that this process made.
    func owner(of stream: UInt64) -> (any StreamOwner)? {
        state.withLock { $0.streams[stream] }
    }

    /// Records a request that the peer begins. `false` when its number is in use, which breaks the protocol.
    func insert(_ reply: FramedReply) -> Bool {
        state.withLock { $0.incoming.insert(reply) }
    }
    func incoming(_ stream: UInt64) -> FramedReply? {
        state.withLock { $0.incoming[stream] }
    }
    /// The last frame of the answer is about to be sent.
    func remove(_ reply: FramedReply) {
        state.withLock { $0.incoming.remove(reply.stream) }
    }

    // MARK: Writing

    /// Carries out the outgoing buffer's action. Calls nobody back.
    private func perform(_ action: OutgoingBuffer.Action) {
        var action = action
        while true {
            switch action {
            case .none: return
            case .schedule:
                return eventLoop.execute { self.perform(self.state.withLock { $0.out.loopCame() }) }
            case .write:
                let bytes = state.withLock { $0.out.take() }
                let outcome = wire.write(bytes)
                action = change { $0.wrote(outcome) }
            case .awaitWritable:
                let rest = state.withLock { $0.out.handOver() }
                return wire.writeEventually(rest) { self.perform(self.change { $0.becameWritable() }) }
            case .fail:
                // Usually the peer has ended: its last answers, and then its end, may still wait to be read.
                eventLoop.scheduleTask(in: ConnectionLimits.lastWords) { self.close(because: "writing to it failed") }
                return
            case .closeSocket: return wire.closeWriting()
            }
        }
    }

    /// Passes an event to the outgoing buffer, and completes ``sent()`` when everything has left.
    private func change(_ event: (inout OutgoingBuffer) -> OutgoingBuffer.Action) -> OutgoingBuffer.Action {
        let (action, sent) = state.withLock { state in
            let action = event(&state.out)
            return (action, state.takeSent())
        }
        for promise in sent { promise.succeed() }
        return action
    }

    /// Completes when the operating system has everything that was sent so far, or can accept no more.
    package func sent() -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        state.withLock { $0.waitingForSent.append(promise) }
        perform(change { $0.loopCame() })
        return promise.futureResult
    }

    // MARK: Bursts

    func hold() {
        state.withLock { $0.out.hold() }
    }
    func release() {
        perform(state.withLock { $0.out.release() })
    }

    // MARK: Boards

    package func setOwnBoard(_ slot: BoardSlot) {
        state.withLock { $0.ownBoard = slot }
    }
    package func setPeerBoard(_ slot: BoardSlot) {
        state.withLock { $0.peerBoard = slot }
    }
    /// Tells the peer that its requests up to this one begin.
    ///
    /// - Returns: `false` when the connection has ended. The peer may have read the board by then, so nothing may
    ///   begin.
    func noteStarted(_ stream: UInt64) -> Bool {
        state.withLock { state in
            if state.closedBecause != nil { return false }
            state.ownBoard?.noteStarted(stream)
            return true
        }
    }

    // MARK: Receiving, on the event loop

    package func received(_ bytes: ByteBuffer) {
        guard !isClosed else { return }
        do {
            try reader.value.read(bytes, self)
        } catch {
            close(because: "the peer broke the protocol: \(error)")
        }
    }

    /// No more bytes arrive for now.
    package func readComplete() {
        reader.value.startArrived(self)
    }

    /// The other side is gone.
    package func ended(_ reason: String) {
        markClosed(reason, isPeerGone: true)
        reader.value.end()
    }

    /// The socket reports that the other side is gone.
    package func broke(_ reason: String) {
        markClosed(reason, isPeerGone: true)
        wire.close()
    }

    func receivedResponse(_ kind: FrameKind, stream: UInt64, _ body: ByteBuffer, shared: ByteBuffer? = nil) throws {
        let owner = state.withLock { state in
            let owner = state.streams[stream]
            if kind.endsStream { state.streams.remove(stream) }
            return owner
        }
        do {
            try owner?.received(kind, body, shared: shared)
        } catch {
            // Its stream may already be out of the table, so it is told here; the others learn of it when the
            // connection closes.
            if kind.endsStream { owner?.lost(started: true, reason: "\(error)") }
            throw error
        }
    }

    /// The peer's process is gone; its last answers, and then its end, may still wait to be read. From any thread.
    package func peerIsGone(_ reason: String) {
        eventLoop.scheduleTask(in: ConnectionLimits.lastWords) { self.broke(reason) }
    }

    /// From any thread; the streams' owners are told in a later tick.
    package func close(because reason: String) {
        markClosed(reason, isPeerGone: false)
        wire.close()
    }

    /// - Parameter isPeerGone: whether the peer has stopped reading. Otherwise it may still begin requests that were
    ///   sent to it.
    private func markClosed(_ reason: String, isPeerGone: Bool) {
        let (isFirst, action) = state.withLock { state -> (Bool, OutgoingBuffer.Action) in
            guard state.closedBecause == nil else { return (false, .none) }
            state.closedBecause = reason
            if !isPeerGone { state.peerBoard = nil }
            return (true, state.out.close())
        }
        perform(action)
        perform(change { _ in .none })
        // In a later tick: a caller may be writing to the connection at this moment.
        if isFirst { eventLoop.execute { self.tellAll(reason) } }
    }

    private func tellAll(_ reason: String) {
        let (lost, incoming) = state.withLock { state in
            let begun = state.peerBoard?.lastStarted
            let lost = state.streams.removeAll().map { ($0.owner, BoardSlot.isStarted($0.stream, begun)) }
            state.peerBoard = nil
            state.ownBoard = nil
            return (lost, state.incoming.removeAll())
        }
        reader.value.end()
        memory?.close()
        for reply in incoming { reply.callerIsGone() }
        hosted.kept.releaseAll(of: self)
        hosted.models.forget(self)
        delegate.closed(self, reason: reason)
        for (owner, started) in lost { owner.lost(started: started, reason: reason) }
    }

    /// The actor system with which values that arrive are decoded.
    package var system: ServeSystem { hosted.system }

    package var isClosed: Bool { state.withLock { $0.closedBecause != nil } }

    /// The open streams of both directions and the bytes that wait to be written, for status and tests.
    package var load: (streams: Int, incoming: Int, bytes: Int) {
        state.withLock { ($0.streams.count, $0.incoming.count, $0.out.count) }
    }
}

/// What a process does with messages other than requests. Called on the connection's event loop.
package protocol PeerDelegate: AnyObject, Sendable {
    func received(_ hello: Hello, on connection: PeerConnection)
    func received(_ message: ControlMessage, on connection: PeerConnection)
    /// Called once, before the owners of the streams are told.
    func closed(_ connection: PeerConnection, reason: String)
}
