import NIOCore
import SwerveTransport

/// One direction of a socket between two simulated processes: what was written and has not arrived.
final class SimPipe {
    var bytes = ByteBuffer()
    let capacity: Int
    /// Nothing more comes: the writer is gone.
    var isEnded = false
    /// Nothing more can be written: the reader is gone.
    var isBroken = false
    /// What a writer waits to have written.
    var eventual: [(bytes: ByteBuffer, done: @Sendable () -> Void)] = []
    weak var reader: SimWire?

    init(capacity: Int) {
        self.capacity = capacity
    }

    var room: Int { max(0, capacity - bytes.readableBytes) }
    var hasNews: Bool { bytes.readableBytes > 0 || isEnded }
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
        process.world.check(!isWriting && output.eventual.isEmpty, "two writers on one socket")
        process.world.check(!isWritingClosed, "a write to a socket whose writing end is closed")
        isWriting = true
        defer { isWriting = false }
        if output.isBroken {
            // The system tells of a broken pipe at once: the channel closes during the call that writes.
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
        process.world.check(!isWritingClosed, "the writing end of a socket was closed twice")
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

    /// Nothing that waits will be written any more; its writer is told.
    func finishEventual() {
        let eventual = output.eventual
        output.eventual = []
        for (_, done) in eventual { process.loop.execute(done) }
    }

    /// The other side, or its process, is gone.
    func peerIsGone() {
        output.isBroken = true
        finishEventual()
        input.isEnded = true
    }

    /// A part of what has arrived, or the end.
    func deliver(_ count: Int) {
        guard !isClosed, let connection else { return }
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

    /// Moves what waits to be written into the room there is.
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

/// How the processes of a world reach one another.
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
