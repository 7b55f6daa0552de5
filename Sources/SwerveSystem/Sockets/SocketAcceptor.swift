internal import Dispatch
internal import Synchronization

/// Takes the connections that come to a listening socket. Other processes may take connections from the same socket.
package final class SocketAcceptor: @unchecked Sendable {
    // Unchecked: dispatch sources may be used from any thread, and the socket is closed only when the source is not
    // suspended, so not during a turn.
    private let source: any DispatchSourceRead
    private let socket: Int32
    private let accepted: @Sendable (Int32) -> Void
    private let shortage: @Sendable (ErrorNumber) -> Void
    private let turn: Turn
    private let isStopped = Atomic<Bool>(false)
    private let queue = DispatchQueue(label: "swerve.acceptor")

    /// Calls the closure, once, where connections are to be taken.
    package typealias Turn = @Sendable (@escaping @Sendable () -> Void) -> Void

    /// So many connections are taken at a time, so that other processes get their share.
    private static let burst = 8
    /// The most connections that are taken at the end. A socket's queue holds no more.
    private static let mostLeft = 65_536
    /// How long nothing is accepted after the process ran out of descriptors or memory.
    private static let pause = DispatchTimeInterval.milliseconds(100)

    /// - Parameters:
    ///   - socket: a listening socket that does not block. The acceptor closes it in the end.
    ///   - shortage: called when a connection cannot be taken for want of descriptors or memory.
    ///   - turn: where connections are taken: only when the closure is called that it gets. So a process that is busy
    ///     there leaves connections to others. At once by default.
    ///   - accepted: gets each connection, which does not block, to close it.
    package init(
        _ socket: Int32,
        shortage: @escaping @Sendable (ErrorNumber) -> Void = { _ in },
        turn: @escaping Turn = { $0() },
        accepted: @escaping @Sendable (Int32) -> Void
    ) {
        self.socket = socket
        self.accepted = accepted
        self.shortage = shortage
        self.turn = turn
        source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: queue)
        source.setEventHandler { [weak self] in self?.waiting() }
        source.setCancelHandler { Descriptors.close(socket) }
        source.activate()
    }

    /// Connections wait.
    private func waiting() {
        // Until they are taken, the source would fire again and again.
        source.suspend()
        turn {
            var isShort = false
            do throws(ErrorNumber) {
                for _ in 0..<Self.burst where !self.isStopped.load(ordering: .relaxed) {
                    self.accepted(try Sockets.accept(from: self.socket))
                }
            } catch {
                isShort = error.isShortage
                if isShort { self.shortage(error) }
            }
            // The connection that could not be taken stays in the socket's queue.
            if isShort {
                self.queue.asyncAfter(deadline: .now() + Self.pause) { self.source.resume() }
            } else {
                self.queue.async { self.source.resume() }
            }
        }
    }

    package func stop() {
        isStopped.store(true, ordering: .relaxed)
        source.cancel()
    }

    /// Stops, and returns when no more connections will come.
    ///
    /// - Parameter takesRest: whether to take the connections that wait first, because the socket's queue is about to go.
    package func stopAndWait(takesRest: Bool = false) async {
        isStopped.store(true, ordering: .relaxed)
        await withCheckedContinuation { continuation in
            queue.async {
                // A turn that was asked for before comes first.
                self.turn {
                    if takesRest { self.takeRest() }
                    self.queue.async { continuation.resume() }
                }
            }
        }
        stop()
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    private func takeRest() {
        for _ in 0..<Self.mostLeft {
            guard let connection = try? Sockets.accept(from: socket) else { return }
            accepted(connection)
        }
    }
}
