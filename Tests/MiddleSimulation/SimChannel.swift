import NIOCore

/// A client's connection to the simulated HTTP server: a channel whose socket buffers the client fills and empties.
final class SimChannel: Channel, ChannelCore, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    private let loop: SimLoop
    private var madePipeline: ChannelPipeline?
    private let closePromise: EventLoopPromise<Void>
    let allocator = ByteBufferAllocator()

    // Towards the server.
    private var isReading = false
    private var isInputEnded = false

    // Towards the client.
    private struct Write {
        var bytes: ByteBuffer
        let promise: EventLoopPromise<Void>?
    }
    private var writes: [Write] = []
    private var flushed = 0
    private var pendingBytes = 0
    /// Bytes that the system took and the client has not read.
    private(set) var kernel = ByteBuffer()
    private let kernelCapacity: Int
    private(set) var isWritable = true
    private(set) var isActive = true
    private(set) var isOutputClosed = false
    /// The most bytes that ever waited in the process.
    private(set) var mostPending = 0

    private static let highMark = 256 << 10
    private static let lowMark = 64 << 10

    init(_ loop: SimLoop, kernelCapacity: Int) {
        self.loop = loop
        self.kernelCapacity = kernelCapacity
        self.closePromise = loop.makePromise()
        self.madePipeline = ChannelPipeline(channel: self)
    }

    // MARK: For the client

    var isWaitingForInput: Bool { isReading && isActive && !isInputEnded }

    /// Delivers the client's bytes.
    func receive(_ bytes: ByteBuffer) {
        guard isWaitingForInput else { return }
        isReading = false
        pipeline.syncOperations.fireChannelRead(NIOAny(bytes))
        pipeline.syncOperations.fireChannelReadComplete()
        if isActive, !isReading { pipeline.syncOperations.read() }
    }

    /// Ends the client's input.
    func endInput() {
        guard isActive, !isInputEnded else { return }
        isInputEnded = true
        pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// Closes the channel as when the client disappears.
    func reset() {
        close0(error: ChannelError.ioOnClosedChannel, mode: .all, promise: nil)
    }

    /// Reads bytes for the client.
    func take(_ count: Int) -> ByteBuffer {
        let part = kernel.readSlice(length: min(count, kernel.readableBytes)) ?? ByteBuffer()
        kernel.discardReadBytes()
        if isActive { fillKernel() }
        return part
    }

    var unsent: Int { pendingBytes + kernel.readableBytes }

    private func fillKernel() {
        while flushed > 0, kernelCapacity > kernel.readableBytes || writes[0].bytes.readableBytes == 0 {
            let count = min(kernelCapacity - kernel.readableBytes, writes[0].bytes.readableBytes)
            if count > 0, let part = writes[0].bytes.readSlice(length: count) {
                kernel.writeImmutableBuffer(part)
                pendingBytes -= count
            }
            guard writes[0].bytes.readableBytes == 0 else { break }
            flushed -= 1
            writes.removeFirst().promise?.succeed()
            if !isActive { return }
        }
        if !isWritable, pendingBytes < Self.lowMark {
            isWritable = true
            pipeline.syncOperations.fireChannelWritabilityChanged()
        }
    }

    // MARK: Channel

    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
    var pipeline: ChannelPipeline { madePipeline! }
    var localAddress: SocketAddress? { nil }
    var remoteAddress: SocketAddress? { nil }
    var parent: (any Channel)? { nil }
    var _channelCore: any ChannelCore { self }
    var eventLoop: any EventLoop { loop }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        loop.makeSucceededVoidFuture()
    }
    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        loop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    // MARK: ChannelCore

    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func register0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.succeed() }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isActive, !isOutputClosed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let bytes = unwrapData(data, as: ByteBuffer.self)
        writes.append(Write(bytes: bytes, promise: promise))
        pendingBytes += bytes.readableBytes
        mostPending = max(mostPending, pendingBytes)
        if isWritable, pendingBytes > Self.highMark {
            isWritable = false
            pipeline.syncOperations.fireChannelWritabilityChanged()
        }
    }

    func flush0() {
        flushed = writes.count
        fillKernel()
    }

    func read0() { isReading = true }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard isActive else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        if case .output = mode {
            isOutputClosed = true
            promise?.succeed()
            return
        }
        isActive = false
        let lost = writes
        writes = []
        flushed = 0
        pendingBytes = 0
        for write in lost { write.promise?.fail(error) }
        promise?.succeed()
        pipeline.syncOperations.fireChannelInactive()
        closePromise.succeed()
        loop.execute {
            self.pipeline.syncOperations.fireChannelUnregistered()
            // Breaks the reference cycle of channel and pipeline.
            self.removeHandlers(pipeline: self.pipeline)
        }
    }

    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func channelRead0(_ data: NIOAny) {}
    func errorCaught0(error: any Error) {}
}
