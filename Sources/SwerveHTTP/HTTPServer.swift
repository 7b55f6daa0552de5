package import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// A listening HTTP/1.1 server: accepts connections and spreads them over the event loops of a group.
package final class HTTPServer: Sendable {
    /// The address that the server listens on; if port 0 was asked for, with the port that the system chose. `nil` if
    /// it got its socket.
    package var localAddress: SocketAddress? { entrance.address }
    private let entrance: Entrance
    private let loops: [NIOLoopBound<HTTPLoop>]
    private let gate: ConnectionGate
    private let budget: MemoryBudget
    private let lingering: LingeringCount

    private init(
        entrance: Entrance,
        loops: [NIOLoopBound<HTTPLoop>],
        gate: ConnectionGate,
        budget: MemoryBudget,
        lingering: LingeringCount
    ) {
        self.entrance = entrance
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
        /// A socket that listens already. The server closes it in the end.
        case socket(ListeningSocket)
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
        let entrance = try await Entrance.open(
            endpoint,
            group: group,
            backlog: options.backlog,
            outOfDescriptors: outOfDescriptors
        ) { gate.enter($0) }
        return HTTPServer(
            entrance: entrance,
            loops: loops,
            gate: gate,
            budget: budget,
            lingering: lingering
        )
    }

    /// Stops the server: accepts no more connections, closes the idle ones, answers requests in progress with
    /// `connection: close`, and cuts what is left at the deadline. Requests cut this way are cancelled.
    ///
    /// Connections that wait to be accepted stay where they are: if other processes have the listening socket too,
    /// they accept them.
    ///
    /// - Parameters:
    ///   - deadline: how long the answers in progress may take, from now on.
    ///   - idleGrace: how long a connection, also a new one, may be idle before it is closed. A request that comes in
    ///     this time is answered, and its client told that the connection ends.
    package func drain(deadline: Duration, idleGrace: Duration = .zero) async {
        await entrance.close(loops.map(\.eventLoop))
        // Each loop sets up the connections that it got.
        for loop in loops { try? await loop.eventLoop.submit {}.get() }
        let drained = loops.map { loop in
            loop.eventLoop.flatSubmit { loop.value.drain(for: deadline, idleGrace: idleGrace) }
        }
        // These futures fail only when the event loops are gone, and their connections with them.
        for future in drained { try? await future.get() }
    }

    @Sendable private static func systemTime() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    @Sendable private static func systemSeconds() -> Int64 { Int64(WallClock.seconds) }
}
