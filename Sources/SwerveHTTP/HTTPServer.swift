package import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// A listening HTTP/1.1 server: accepts connections and spreads them over the event loops of a group.
package final class HTTPServer: Sendable {
    /// The address that the server listens on; if port 0 was asked for, with the port that the system chose. `nil` if
    /// it got its socket.
    package var localAddress: SocketAddress? { entrance.withLock { $0?.address } }
    /// `nil` while it takes no connections.
    private let entrance: Mutex<Entrance?>
    private let opening: Entrance.Opening
    private let loops: [NIOLoopBound<HTTPLoop>]
    private let gate: ConnectionGate
    private let budget: MemoryBudget
    private let lingering: LingeringCount

    private init(
        entrance: Entrance?,
        opening: Entrance.Opening,
        loops: [NIOLoopBound<HTTPLoop>],
        gate: ConnectionGate,
        budget: MemoryBudget,
        lingering: LingeringCount
    ) {
        self.entrance = Mutex(entrance)
        self.opening = opening
        self.loops = loops
        self.gate = gate
        self.budget = budget
        self.lingering = lingering
    }

    /// The number of connections being served.
    package var connectionCount: Int { gate.count }
    /// The most connections served at a time, see ``HTTPServerOptions/maxConnections``.
    package var connectionLimit: Int { gate.admission.maximum }

    /// The number of connections that linger, see ``HTTPServerOptions/maxLingering``.
    package var lingeringCount: Int { lingering.value }

    /// The bytes of requests and responses held now, see ``HTTPServerOptions/maxBufferedBytes``.
    package var bufferedBytes: Int { budget.heldBytes }

    /// Where a server gets its connections from.
    package enum Endpoint: Sendable {
        /// An address to listen at; port 0 picks any free port.
        case address(host: String, port: Int)
        /// A socket that listens already, and from which no other process takes connections. The server closes it in
        /// the end.
        case ownSocket(ListeningSocket)
        /// A socket that listens already, and from which other processes may take connections, too. The server closes it
        /// in the end.
        case socket(ListeningSocket)
        /// None until ``HTTPServer/takeConnections(from:)``.
        case none
    }

    /// Starts accepting connections, after raising the process's descriptor limit as far as the system allows.
    ///
    /// - Parameters:
    ///   - group: must outlive the server.
    ///   - service: answers the requests; it is called on the group's loops.
    ///   - outOfDescriptors: called once, with a text for the log, when a connection cannot be accepted for want of
    ///     descriptors or memory. Each time this happens, the server accepts no connections for 100 ms.
    /// - Throws: ``ServeError`` with code `addressInUse` if something already listens there, `system` if the address is
    ///   unavailable for another reason.
    package static func start(
        at endpoint: Endpoint,
        group: any EventLoopGroup,
        options: HTTPServerOptions = HTTPServerOptions(),
        service: any HTTPService,
        outOfDescriptors: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> HTTPServer {
        let descriptors = DescriptorLimit.raise()
        let budget = MemoryBudget(limit: options.maxBufferedBytes)
        let lingering = LingeringCount(limit: options.maxLingering)
        var loops: [NIOLoopBound<HTTPLoop>] = []
        for eventLoop in group.makeIterator() {
            let seed = UInt64.random(in: .min ... .max)
            let loop = try await eventLoop.submit {
                NIOLoopBound(
                    HTTPLoop(
                        eventLoop: eventLoop,
                        options: options,
                        time: systemTime,
                        wallClock: systemSeconds,
                        seed: seed,
                        budget: budget,
                        lingering: lingering
                    ),
                    eventLoop: eventLoop
                )
            }.get()
            loops.append(loop)
        }
        let admission = ConnectionAdmission(
            options: options,
            limit: descriptors,
            inUse: descriptors.map { DescriptorLimit.inUse(limit: $0) } ?? 0
        )
        let gate = ConnectionGate(admission: admission, loops: loops, service: service, options: options)
        let opening = Entrance.Opening(
            group: group,
            backlog: options.backlog,
            outOfDescriptors: outOfDescriptors,
            enter: { gate.enter($0) }
        )
        return HTTPServer(
            entrance: try await opening.open(endpoint),
            opening: opening,
            loops: loops,
            gate: gate,
            budget: budget,
            lingering: lingering
        )
    }

    /// Takes connections from a socket from which other processes may take them, too; instead of where they came from so
    /// far, if that was left.
    ///
    /// - Parameter socket: the server closes it in the end.
    package func takeConnections(from socket: ListeningSocket) {
        let isOpen = entrance.withLock { entrance in
            guard entrance == nil else { return true }
            entrance = opening.accept(from: socket)
            return false
        }
        if isOpen { socket.close() }
    }

    /// Takes no more connections for now; returns when all that were taken are being served. Those that wait stay in the
    /// queue of the socket if anybody else has it.
    package func leaveConnections() async {
        let left = entrance.withLock { $0.take() }
        await left?.close(loops.map(\.eventLoop))
    }

    /// How long a connection of a server that drains may be idle: 1 second. A client may be sending a request just now.
    package static let idleGrace = Duration.seconds(1)

    /// Stops the server: accepts no more connections, answers requests in progress, and the next one of a connection
    /// that sends it within ``idleGrace``, with `connection: close`, and cuts what is left at the deadline. Requests cut
    /// this way are cancelled.
    ///
    /// Connections that wait to be accepted stay where they are if other processes have the listening socket, too.
    ///
    /// - Parameters:
    ///   - deadline: how long the answers in progress may take, from now on.
    ///   - isLast: whether no other process takes connections any more, so that what waits is to be taken first.
    ///   - closed: called once no more connections are taken.
    package func drain(deadline: Duration, isLast: Bool = false, closed: () -> Void = {}) async {
        let left = entrance.withLock { $0.take() }
        await left?.close(loops.map(\.eventLoop), isLast: isLast)
        closed()
        // Each loop sets up the connections that it got.
        for loop in loops { try? await loop.eventLoop.submit {}.get() }
        let drained = loops.map { loop in
            loop.eventLoop.flatSubmit { loop.value.drain(for: deadline, idleGrace: Self.idleGrace) }
        }
        // These futures fail only when the event loops are gone, and their connections with them.
        for future in drained { try? await future.get() }
    }

    @Sendable private static func systemTime() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    @Sendable private static func systemSeconds() -> Int64 { Int64(WallClock.seconds) }
}
