import NIOCore
import SwerveTransport

/// One direction of a socket between two simulated processes: the bytes that were written and have not arrived.
final class SimPipe {
    var bytes = ByteBuffer() {
        didSet { count = bytes.readableBytes }
    }
    private var count = 0
    let capacity: Int
    /// Whether the writer is gone, so that nothing more arrives.
    var isEnded = false
    /// Whether the reader is gone, so that nothing more can be written.
    var isBroken = false
    /// The bytes that a writer has handed over and waits for.
    var eventual: [(bytes: ByteBuffer, done: @Sendable () -> Void)] = []
    weak var reader: SimWire?

    init(capacity: Int) {
        self.capacity = capacity
    }

    var room: Int { max(0, capacity - count) }
    var hasNews: Bool { count > 0 || isEnded }
    /// Nothing arrives until then.
    var heldUntil = NIODeadline.uptimeNanoseconds(0)
}

/// One end of a simulated socket.
final class SimWire: Wire, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    let process: SimProcess
    let output: SimPipe
    let input: SimPipe
    private(set) var connection: PeerConnection?
    private(set) var isClosed = false
    private(set) var isWritingClosed = false
    private var isWriting = false

    var eventLoop: any EventLoop { process.loop }

    init(_ process: SimProcess, input: SimPipe, output: SimPipe) {
        self.process = process
        self.input = input
        self.output = output
        input.reader = self
    }

    func open(_ delegate: any PeerDelegate, _ hosted: HostedReplicas) -> PeerConnection {
        let new = process.world.run(on: process.loop) {
            PeerConnection(wire: self, delegate: delegate, hosted: hosted)
        }
        connection = new
        process.world.noteConnection(new, of: process)
        return new
    }

    func write(_ bytes: WireBytes) -> WireOutcome {
        process.world.check(!isWriting && output.eventual.isEmpty, "two writers use one socket")
        process.world.check(!isWritingClosed, "a write to a socket whose write side is closed")
        isWriting = true
        defer { isWriting = false }
        if output.isBroken {
            // The system reports a broken pipe at once, so the channel closes during the call that writes.
            process.world.brokeWhileWriting(self)
            return .failed
        }
        var all = bytes.tail
        if !bytes.parts.isEmpty {
            all = ByteBuffer()
            for part in bytes.parts { all.writeImmutableBuffer(part) }
            all.writeImmutableBuffer(bytes.tail)
        }
        guard let taken = all.readSlice(length: min(all.readableBytes, output.room)) else { return .written(0) }
        output.bytes.writeImmutableBuffer(taken)
        return .written(taken.readableBytes)
    }

    func writeEventually(_ bytes: WireBytes, done: @escaping @Sendable () -> Void) {
        var all = ByteBuffer()
        for part in bytes.parts { all.writeImmutableBuffer(part) }
        all.writeImmutableBuffer(bytes.tail)
        output.eventual.append((all, done))
    }

    func closeWriting() {
        process.world.check(!isWritingClosed, "the write side of a socket was closed twice")
        isWritingClosed = true
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        output.isEnded = true
        input.isBroken = true
        input.bytes = ByteBuffer()
        let connection = connection
        process.loop.execute { connection?.ended("this side closed it") }
        finishEventual()
    }

    /// Completes the waiting writes, because nothing more will be written.
    func finishEventual() {
        let eventual = output.eventual
        output.eventual = []
        for (_, done) in eventual { process.loop.execute(done) }
    }

    /// Handles the loss of the other side or its process.
    func peerIsGone() {
        output.isBroken = true
        finishEventual()
        input.isEnded = true
    }

    /// Delivers a part of the bytes that have arrived, or the end.
    func deliver(_ count: Int) {
        guard !isClosed, let connection else { return }
        process.world.sender = output.reader?.process
        defer { process.world.sender = nil }
        process.world.run(on: process.loop) {
            var rest = count
            while rest > 0, let part = input.bytes.readSlice(length: min(rest, max(1, rest / 2))) {
                rest -= part.readableBytes
                connection.received(part)
            }
            connection.readComplete()
            input.bytes.discardReadBytes()
            if input.bytes.readableBytes == 0, input.isEnded {
                isClosed = true
                output.isEnded = true
                finishEventual()
                connection.ended("its process ended")
            }
        }
    }

    /// Writes as much of the waiting bytes as there is room for.
    func continueWriting() {
        guard var bytes = output.eventual.first?.bytes else { return }
        if let part = bytes.readSlice(length: min(bytes.readableBytes, output.room)) {
            output.bytes.writeImmutableBuffer(part)
        }
        if bytes.readableBytes > 0 {
            output.eventual[0].bytes = bytes
        } else {
            process.loop.execute(output.eventual.removeFirst().done)
        }
    }

    func forget() {
        connection = nil
    }
}

/// Connects the processes of a world with one another.
struct SimNetwork: PeerNetwork {
    let process: SimProcess

    func connect(
        to address: String,
        on loop: any EventLoop,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        let promise = loop.makePromise(of: PeerConnection.self)
        let world = process.world
        world.later(process.loop) {
            guard let connection = world.connect(process, to: address, delegate, hosted) else {
                return promise.fail(SimError(description: "nobody listens at \(address)"))
            }
            promise.succeed(connection)
        }
        return promise.futureResult
    }
}

struct SimError: Error, CustomStringConvertible {
    let description: String
}
