package import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

/// Serves one HTTP/1.1 connection: takes requests off the bytes that come in, hands them to the service one after
/// another, and writes the responses.
///
/// The channel must allow half-closure (`ChannelOptions.allowRemoteHalfClosure`).
package final class HTTPConnectionHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Where the rest of the present request's content is.
    enum BodyReader {
        case none
        case length(remaining: Int)
        case chunked(HTTPChunkedDecoder)
    }

    let loop: HTTPLoop
    let service: any HTTPService
    let options: HTTPServerOptions

    // The exclusivity of accesses to the state below is not checked at run time: the event loop's thread alone has the
    // handler, and an access that lasts (an event of the machine, a step of a parser, a write to a buffer) calls nothing
    // that could reach the handler again. Keep it so: callbacks are made between accesses.
    @exclusivity(unchecked) var machine: HTTPConnectionMachine
    @exclusivity(unchecked) var parser: HTTPRequestParser
    @exclusivity(unchecked) var context: ChannelHandlerContext?
    /// Where the loop keeps this connection; the loop's business.
    @exclusivity(unchecked) var loopIndex: Int?

    // Input.
    /// What has come and was not taken yet.
    @exclusivity(unchecked) var pending = ByteBuffer()
    @exclusivity(unchecked) var body = BodyReader.none
    /// A small body on its way, and the head that it belongs to.
    @exclusivity(unchecked) var collected = ByteBuffer()
    @exclusivity(unchecked) var collectedHead: HTTPRequestHead?
    /// The id of a request that is refused when its content was skipped.
    @exclusivity(unchecked) var shedRequestID: String?
    @exclusivity(unchecked) var isProcessing = false
    @exclusivity(unchecked) private var isInRead = false
    @exclusivity(unchecked) private var isReadHeldBack = false

    // Output.
    @exclusivity(unchecked) var exchange: HTTPExchange?
    /// The last exchange, used again when the service let go of it.
    @exclusivity(unchecked) var spare: HTTPExchange?
    /// Written by responses, given to the channel when the connection is flushed.
    @exclusivity(unchecked) var outgoing = ByteBuffer()
    /// Whether the channel has `outgoing`'s bytes, so that it may be cleared for the next ones.
    @exclusivity(unchecked) var isOutgoingSent = false
    @exclusivity(unchecked) var isWritable = true
    @exclusivity(unchecked) private var isDirty = false
    @exclusivity(unchecked) var closesAfterFlush = false
    @exclusivity(unchecked) var lingers = false
    /// Everything that will ever be written is with the system.
    @exclusivity(unchecked) var isWrittenToTheEnd = false
    /// How many bytes the channel was given.
    @exclusivity(unchecked) var writtenBytes = 0
    /// The socket, once somebody asked for it.
    @exclusivity(unchecked) var descriptor: Int32?

    // Memory.
    /// The size of the content that the service was given whole.
    @exclusivity(unchecked) var wholeBodyBytes = 0
    /// How many bytes of responses the channel still had when it was asked, and how many it had been given then.
    @exclusivity(unchecked) var bufferedBytes = 0
    @exclusivity(unchecked) var measuredAt = 0
    /// What the budget was told.
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
            machine.inputClosed(now: loop.now)
            process()
            if isCutShort { clientLeft() }
            if isDirty { flushNow() }
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A connection that fails is as good as gone; which error it was helps nobody.
        cut()
    }

    // MARK: - Reading

    private func takeIn(_ bytes: ByteBuffer) {
        switch machine.phase {
        case .closing, .closed: return
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
            // With room in the window, what is pending is an incomplete line.
            return machine.window > 0 || pending.readableBytes == 0
        }
    }

    func resumeReading() {
        guard isReadHeldBack, mayRead else { return }
        isReadHeldBack = false
        context?.read()
    }

    // MARK: - Flushing

    /// Has the connection flushed at the end of the loop's tick, or of its own read.
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
        } else {
            sendOutgoing(promise: nil)
        }
        context.flush()
        measureAfterWriting()
    }

    /// Gives what was written to the channel, not flushed.
    func sendOutgoing(promise: EventLoopPromise<Void>?) {
        guard let context, promise != nil || outgoing.readableBytes > 0 && !isOutgoingSent else { return }
        let bytes = isOutgoingSent ? ByteBuffer() : outgoing
        isOutgoingSent = true
        writtenBytes &+= bytes.readableBytes
        context.write(wrapOutboundOut(bytes), promise: promise)
    }
}
