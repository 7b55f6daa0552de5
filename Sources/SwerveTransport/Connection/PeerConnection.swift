package import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveReplica
internal import Synchronization

/// Someone who waits for what comes on a stream. Called on the connection's event loop, never during a call that the owner
/// makes to the connection.
protocol StreamOwner: AnyObject, Sendable {
    /// The stream's number, from ``PeerConnection/open(_:_:_:)`` on.
    var number: Atomic<UInt64> { get }
    /// - Throws: what the peer did wrong; the connection is closed then.
    func received(_ kind: FrameKind, _ body: ByteBuffer) throws
    /// - Parameter started: `false` only when the replica certainly had not begun.
    func lost(started: Bool, reason: String)
}

/// One connection between two processes: it multiplexes the requests of both directions.
///
/// Any thread may send. ``OutgoingBuffer`` says who writes: the event loop, for the frames of a whole tick, or the thread
/// that sends, when little is going on, which spares a wake-up. What arrives is handled on the event loop.
package final class PeerConnection: Sendable {
    package let eventLoop: any EventLoop
    let delegate: any PeerDelegate
    let hosted: HostedReplicas
    private let wire: any Wire
    private let reader: NIOLoopBound<FrameReader>
    private let state = Mutex(State())

    private struct State {
        var out = OutgoingBuffer()
        var closedBecause: String?
        /// Whoever waits until everything is with the operating system.
        var waitingForSent: [EventLoopPromise<Void>] = []
        var streams = StreamTable<any StreamOwner>()
        /// The requests of the peer that are under way.
        var incoming = IncomingTable()
        var nextMethod: UInt32 = 1
        /// Where the peer tells how far it got.
        var peerBoard: BoardSlot?
        /// Where this process tells the peer.
        var ownBoard: BoardSlot?

        /// So few requests are under way that waiting for more to send together would only cost time.
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
    func send(_ kind: FrameKind, stream: UInt64, _ body: (inout ByteBuffer) -> Void) {
        let isOnLoop = eventLoop.inEventLoop
        let action = state.withLock { state in
            state.out.append(isOnLoop: isOnLoop, isQuiet: state.isQuiet) {
                Frame.append(kind, stream: stream, to: &$0, body)
            }
        }
        perform(action)
    }

    /// Sends a frame that is nothing but bytes, or has some behind its body.
    func send(
        _ kind: FrameKind,
        stream: UInt64,
        bytes: ByteBuffer,
        behind body: (inout ByteBuffer) -> Void = { _ in }
    ) {
        if bytes.readableBytes < ConnectionLimits.copyLimit {
            send(kind, stream: stream) { frame in
                body(&frame)
                frame.writeImmutableBuffer(bytes)
            }
        } else {
            var frame = Frame.open()
            body(&frame)
            send(kind, stream: stream, frame, trailing: bytes)
        }
    }

    /// Tells the other side that so many bytes of a body were taken.
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

    /// Begins a stream with a frame whose body is written in place, and bytes behind it. The owner is called from now on,
    /// until the stream is over; not during this call.
    func open(
        _ kind: FrameKind,
        _ owner: any StreamOwner,
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
                    Frame.append(kind, stream: stream, to: &$0) { frame in
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

    /// Gives a number to a method of a replica of the peer.
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

    /// A request of the peer begins. `false` when its number is taken, which breaks the protocol.
    func insert(_ reply: FramedReply) -> Bool {
        state.withLock { $0.incoming.insert(reply) }
    }
    func incoming(_ stream: UInt64) -> FramedReply? {
        state.withLock { $0.incoming[stream] }
    }
    /// The last frame of an answer is on its way.
    func remove(_ reply: FramedReply) {
        state.withLock { $0.incoming.remove(reply.stream) }
    }

    // MARK: Writing

    /// Does what the outgoing buffer says. Nobody is called back from here.
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
                // Mostly because the peer has ended: its last answers may wait to be read, and its end behind them.
                eventLoop.scheduleTask(in: ConnectionLimits.lastWords) { self.close(because: "writing to it failed") }
                return
            case .closeSocket: return wire.closeWriting()
            }
        }
    }

    /// Tells the outgoing buffer of something, and whoever waits until everything has left.
    private func change(_ event: (inout OutgoingBuffer) -> OutgoingBuffer.Action) -> OutgoingBuffer.Action {
        let (action, sent) = state.withLock { state in
            let action = event(&state.out)
            return (action, state.takeSent())
        }
        for promise in sent { promise.succeed() }
        return action
    }

    /// Done when the operating system has everything that was sent so far, or can have no more of it.
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
    /// - Returns: `false` when the connection has ended. The peer may have looked at the board by then: nothing may begin.
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

    /// No more bytes come for now.
    package func readComplete() {
        reader.value.startArrived(self)
    }

    /// The other side is gone.
    package func ended(_ reason: String) {
        markClosed(reason, isPeerGone: true)
        reader.value.end()
    }

    /// The socket says that the other side is gone.
    package func broke(_ reason: String) {
        markClosed(reason, isPeerGone: true)
        wire.close()
    }

    func receivedResponse(_ kind: FrameKind, stream: UInt64, _ body: ByteBuffer) throws {
        let owner = state.withLock { state in
            let owner = state.streams[stream]
            if kind.endsStream { state.streams.remove(stream) }
            return owner
        }
        do {
            try owner?.received(kind, body)
        } catch {
            // Its stream may be out of the table: it is told here, and the others when the connection closes.
            if kind.endsStream { owner?.lost(started: true, reason: "\(error)") }
            throw error
        }
    }

    /// The peer's process is gone; its end comes behind its last answers, which may wait to be read. From any thread.
    package func peerIsGone(_ reason: String) {
        eventLoop.scheduleTask(in: ConnectionLimits.lastWords) { self.broke(reason) }
    }

    /// From any thread; what waits on the connection hears of it in a later tick.
    package func close(because reason: String) {
        markClosed(reason, isPeerGone: false)
        wire.close()
    }

    /// - Parameter isPeerGone: whether the peer reads nothing any more. Otherwise it may still begin what it was sent.
    private func markClosed(_ reason: String, isPeerGone: Bool) {
        let (isFirst, action) = state.withLock { state -> (Bool, OutgoingBuffer.Action) in
            guard state.closedBecause == nil else { return (false, .none) }
            state.closedBecause = reason
            if !isPeerGone { state.peerBoard = nil }
            return (true, state.out.close())
        }
        perform(action)
        perform(change { _ in .none })
        // In a later tick: the connection may be closing because a caller is just writing to it.
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
        for reply in incoming { reply.callerIsGone() }
        hosted.kept.releaseAll(of: self)
        delegate.closed(self, reason: reason)
        for (owner, started) in lost { owner.lost(started: started, reason: reason) }
    }

    package var isClosed: Bool { state.withLock { $0.closedBecause != nil } }

    /// Streams of both directions that are open, and bytes that wait to be written; for status and tests.
    package var load: (streams: Int, incoming: Int, bytes: Int) {
        state.withLock { ($0.streams.count, $0.incoming.count, $0.out.count) }
    }
}

/// What a process does with the messages that are not requests. Called on the connection's event loop.
package protocol PeerDelegate: AnyObject, Sendable {
    func received(_ hello: Hello, on connection: PeerConnection)
    func received(_ message: ControlMessage, on connection: PeerConnection)
    /// Once, before the owners of the streams are told.
    func closed(_ connection: PeerConnection, reason: String)
}
