internal import Dispatch

/// Takes the connections that come to a listening socket. Other processes may take connections from the same socket.
package final class SocketAcceptor: @unchecked Sendable {
    // Unchecked: dispatch sources may be used from any thread; the rest is only touched on the source's queue.
    private let source: any DispatchSourceRead
    private let socket: Int32
    private let accepted: @Sendable (Int32) -> Void
    private let queue = DispatchQueue(label: "swerve.acceptor")

    /// So many connections are taken at a time, so that other processes get their share.
    private static let burst = 8
    /// The most connections that are taken at the end. A socket's queue holds no more.
    private static let mostLeft = 65_536
    /// How long nothing is accepted after the process ran out of descriptors or memory.
    private static let pause = DispatchTimeInterval.milliseconds(100)

    /// - Parameters:
    ///   - socket: a listening socket that does not block. The acceptor closes it in the end.
    ///   - shortage: called when a connection cannot be taken for want of descriptors or memory.
    ///   - accepted: gets each connection, which does not block, to close it.
    package init(
        _ socket: Int32,
        shortage: @escaping @Sendable (ErrorNumber) -> Void = { _ in },
        accepted: @escaping @Sendable (Int32) -> Void
    ) {
        self.socket = socket
        self.accepted = accepted
        source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: queue)
        source.setEventHandler { [weak self] in
            do throws(ErrorNumber) {
                for _ in 0..<Self.burst { accepted(try Sockets.accept(from: socket)) }
            } catch {
                guard error.isShortage else { return }
                shortage(error)
                self?.rest()
            }
        }
        source.setCancelHandler { Descriptors.close(socket) }
        source.activate()
    }

    /// The connection stays in the socket's queue, so the source would fire again at once.
    private func rest() {
        source.suspend()
        queue.asyncAfter(deadline: .now() + Self.pause) { self.source.resume() }
    }

    package func stop() { source.cancel() }

    /// Stops, and returns when no more connections will come.
    ///
    /// - Parameter takesRest: whether to take the connections that wait first, because the socket's queue is about to go.
    package func stopAndWait(takesRest: Bool = false) async {
        await withCheckedContinuation { continuation in
            queue.async {
                if takesRest {
                    for _ in 0..<Self.mostLeft {
                        guard let connection = try? Sockets.accept(from: self.socket) else { break }
                        self.accepted(connection)
                    }
                }
                continuation.resume()
            }
        }
        stop()
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }
}
