package import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveSystem

/// Serves one HTTP/1.1 connection: parses the requests that arrive, hands them to the service one after another, and
/// writes the responses.
///
/// The channel must allow half-closure (`ChannelOptions.allowRemoteHalfClosure`).
package final class HTTPConnectionHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Where the content that is being collected lies.
    enum CollectionPlace {
        /// Too little has arrived. Goes to the others.
        case undecided
        case ordinary
        /// `collected` has room for the whole content, where others read it.
        case shared
    }

    /// How the rest of the current request's content is read.
    enum BodyReader {
        case none
        case length(remaining: Int)
        case chunked(HTTPChunkedDecoder)
    }

    let loop: HTTPLoop
    let service: any HTTPService
    let options: HTTPServerOptions

    // Exclusive access to the state below is not checked at run time. Only the event loop's thread uses the handler,
    // and an access that lasts (an event of the machine, a step of a parser, a write to a buffer) calls nothing that
    // could reach the handler again. Keep it so: make callbacks between accesses.
    @exclusivity(unchecked) var machine: HTTPConnectionMachine
    @exclusivity(unchecked) var parser: HTTPRequestParser
    @exclusivity(unchecked) var context: ChannelHandlerContext?
    /// This connection's index in the loop's list; only the loop uses it.
    @exclusivity(unchecked) var loopIndex: Int?

    // Input.
    /// Bytes that have arrived and were not processed yet.
    @exclusivity(unchecked) var pending = ByteBuffer()
    @exclusivity(unchecked) var body = BodyReader.none
    /// A small body that is still arriving, and the head that it belongs to.
    @exclusivity(unchecked) var collected = ByteBuffer()
    @exclusivity(unchecked) var collectedHead: HTTPRequestHead?
    /// `nil` where content is not read in place.
    @exclusivity(unchecked) var reading: ContentReading?
    @exclusivity(unchecked) var place = CollectionPlace.undecided
    /// The id of a request that is refused once its content has been skipped.
    @exclusivity(unchecked) var shedRequestID: String?
    @exclusivity(unchecked) var isProcessing = false
    @exclusivity(unchecked) private var isInRead = false
    @exclusivity(unchecked) private var isReadHeldBack = false

    // Output.
    @exclusivity(unchecked) var exchange: HTTPExchange?
    /// The last exchange, reused if the service has let go of it.
    @exclusivity(unchecked) var spare: HTTPExchange?
    /// Bytes that responses wrote, given to the channel when the connection is flushed.
    @exclusivity(unchecked) var outgoing = ByteBuffer()
    /// Whether the channel has `outgoing`'s bytes, so that the buffer may be cleared for the next ones.
    @exclusivity(unchecked) var isOutgoingSent = false
    /// Whether bytes may wait in the channel.
    @exclusivity(unchecked) private var mayChannelHold = false
    @exclusivity(unchecked) var isWritable = true
    @exclusivity(unchecked) private var isDirty = false
    @exclusivity(unchecked) var closesAfterFlush = false
    @exclusivity(unchecked) var lingers = false
    /// Whether the system has everything that will ever be written.
    @exclusivity(unchecked) var isWrittenToTheEnd = false
    /// The number of bytes given to the channel so far.
    @exclusivity(unchecked) var writtenBytes = 0
    /// The socket's descriptor once it was looked up; -1 if the channel has none.
    @exclusivity(unchecked) var descriptor: Int32?

    // Memory.
    /// The size of the content that the service received whole.
    @exclusivity(unchecked) var wholeBodyBytes = 0
    /// How many response bytes the channel still held at the last measurement, and how many it had been given by then.
    @exclusivity(unchecked) var bufferedBytes = 0
    @exclusivity(unchecked) var measuredAt = 0
    /// The bytes that the budget counts for this connection.
    @exclusivity(unchecked) var chargedBytes = 0

    package init(loop: HTTPLoop, service: any HTTPService) {
        self.loop = loop
        self.service = service
        self.options = loop.options
        self.machine = HTTPConnectionMachine(options: loop.options, now: loop.now)
        self.parser = HTTPRequestParser(limits: loop.options.limits)
    }

    // MARK: - Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.readClocks()
        machine = HTTPConnectionMachine(options: options, now: loop.now)
        if context.channel.isActive { loop.add(self) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        gone(.clientGone)
        self.context = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        if loopIndex == nil { loop.add(self) }
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        gone(.clientGone)
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInRead = true
        takeIn(unwrapInboundIn(data))
        process()
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        if isDirty { flushNow() }
        context.fireChannelReadComplete()
    }

    /// Holds back the channel's automatic read while this side is behind.
    package func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { isReadHeldBack = true }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        machine.writability(isWritable, now: loop.now)
        measure()
        if isWritable {
            exchange?.delegate?.responseWritable()
            process()
        }
        context.fireChannelWritabilityChanged()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            let unsent = isDirty ? 1 : loop.unsent(context.channel, &descriptor)
            if machine.inputClosed(unsent: unsent, now: loop.now) { return clientLeft() }
            process()
            if isCutShort { clientLeft() }
            if isDirty { flushNow() }
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A connection that fails is as good as gone; the error itself helps nobody.
        cut()
    }

    // MARK: - Reading

    private func takeIn(_ bytes: ByteBuffer) {
        switch machine.phase {
        case .closing: return drop(bytes)
        case .closed: return
        default: break
        }
        guard pending.readableBytes > 0 else {
            pending = bytes
            return
        }
        if pending.readerIndex > 1 << 14 { pending.discardReadBytes() }
        pending.writeImmutableBuffer(bytes)
    }

    private var mayRead: Bool {
        switch machine.phase {
        case .closing, .closed: return true
        case .idle, .head, .collecting: return isWritable || pending.readableBytes < options.pipelineBytes
        case .exchange(let exchange):
            if exchange.isRequestComplete { return pending.readableBytes < options.pipelineBytes }
            // With room in the window, the pending bytes are an incomplete line.
            return machine.window > 0 || pending.readableBytes == 0
        }
    }

    func resumeReading() {
        guard isReadHeldBack, mayRead else { return }
        isReadHeldBack = false
        context?.read()
    }

    // MARK: - Flushing

    /// Makes the connection flush at the end of the loop's tick, or of its own read.
    func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        if !isInRead { loop.flushLater(self) }
    }

    func flushNow() {
        guard isDirty else { return }
        isDirty = false
        guard let context else { return }
        if closesAfterFlush {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenComplete { _ in self.finishClosing() }
            sendOutgoing(promise: promise)
            context.flush()
        } else if !sendDirectly(context.channel) {
            sendOutgoing(promise: nil)
            context.flush()
        }
        measureAfterWriting()
    }

    /// Gives the written bytes to the channel without flushing it.
    func sendOutgoing(promise: EventLoopPromise<Void>?) {
        guard promise != nil || outgoing.readableBytes > 0 && !isOutgoingSent else { return }
        let bytes = isOutgoingSent ? ByteBuffer() : outgoing
        isOutgoingSent = true
        write(bytes, promise: promise)
    }

    /// Gives bytes to the channel without flushing it.
    func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard let context else { return }
        writtenBytes &+= bytes.readableBytes
        mayChannelHold = true
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// Writes to the socket without the channel's queue, which costs about as much as making a short answer.
    ///
    /// - Returns: whether nothing is left to write. Otherwise the channel writes the rest when the socket has room, or
    ///   finds that the socket is broken.
    private func sendDirectly(_ channel: any Channel) -> Bool {
        guard !isOutgoingSent, outgoing.readableBytes > 0, channel.isActive else { return false }
        if mayChannelHold {
            guard (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0 else { return false }
            mayChannelHold = false
        }
        guard let socket = UnsentBytes.socket(of: channel, &descriptor),
            let count = outgoing.withUnsafeReadableBytes({ Sockets.send(socket, $0) })
        else { return false }
        writtenBytes &+= count
        outgoing.moveReaderIndex(forwardBy: count)
        guard outgoing.readableBytes == 0 else { return false }
        isOutgoingSent = true
        return true
    }
}
