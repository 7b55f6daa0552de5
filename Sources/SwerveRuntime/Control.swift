internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveController
internal import SwerveCore
internal import SwerveLaunch
internal import SwerveLogs
internal import SwerveSystem
internal import SwerveTransport

/// The controller of an instance, in this process or in its own.
enum Control {
    case embedded(Controller, Task<ReplicaNumbers, Never>)
    case separate(Agent, SocketAcceptor)

    /// What the controller runs in.
    struct Place: Sendable {
        let directory: InstanceDirectory
        let group: MultiThreadedEventLoopGroup
        let hosted: HostedReplicas
        let clock: any EventLoop
        /// Where workers and proxies connect.
        let listeners: [SocketAcceptor]
        let front: Front
        let clients: ConnectedClients
        let workers: WorkerLauncher
        let logs: LogStore
        /// How long a separate controller may not answer.
        let patience: Duration

        /// Reports what all processes but replicas' ask of deployments, as one process's load.
        func reportLoads(to receiver: @escaping LoadReporter.Receiver) {
            let clients = clients
            clients.reportLoads(to: receiver)
            front.reportLoads(of: hosted.system.pools) { clients.report($0) }
        }

        func expose(_ routes: [RouteEntry]) {
            front.expose(routes)
            workers.expose(routes)
        }
    }

    static func begin(
        _ options: ServeOptions,
        _ launcher: any ReplicaLauncher,
        _ peers: Peers,
        _ kept: KeptGoal,
        _ place: Place
    ) throws(ServeError) -> Control {
        guard options.controller == .separate else {
            let controller = Controller(
                clock: place.clock,
                launcher: launcher,
                nodes: options.nodes,
                callers: peers,
                store: kept.store,
                logger: options.logger,
                exposeRoutes: { place.expose($0) }
            )
            place.reportLoads { [weak controller] in controller?.report($0, from: .instance) }
            let goal = kept.goal
            // Unstructured: the controller's loop runs until `end`, which waits for it, also when nobody holds the
            // instance any more; what it needs stays with it. Detached: it is no part of a request that starts an
            // instance.
            let loop = Task.detached {
                let next = await controller.run(goal)
                withExtendedLifetime((place, kept.directory)) {}
                return next
            }
            return .embedded(controller, loop)
        }
        let address = "\(place.directory.path)/agent.sock"
        let database = kept.directory?.database ?? "\(place.directory.path)/state.sqlite"
        let instance = place.hosted.system.pools.instance
        let agent = Agent(
            launcher: launcher,
            callers: peers,
            nodes: options.nodes,
            processes: try LocalProcessLauncher(output: place.logs.output { .controller($0.number) }),
            clock: place.clock,
            firstNumber: kept.goal.numbers.next,
            patience: place.patience,
            logger: options.logger,
            exposeRoutes: { place.expose($0) },
            settings: { token, first in
                ControllerSettings(
                    instance: instance,
                    agentAddress: address,
                    token: token,
                    database: database,
                    firstNumber: first,
                    logs: LogSettings(options.logs)
                )
            }
        )
        let listener = try UnixSocketNetwork.listen(
            at: address,
            on: place.group,
            delegate: agent,
            hosted: place.hosted
        )
        place.reportLoads { [weak agent] in agent?.report($0) }
        agent.begin(holding: (place, kept.directory))
        return .separate(agent, listener)
    }

    var access: any ControllerAccess {
        switch self {
        case .embedded(let controller, _): controller
        case .separate(let agent, _): agent
        }
    }

    var listeners: [SocketAcceptor] {
        switch self {
        case .embedded: []
        case .separate(_, let listener): [listener]
        }
    }

    /// Ends all replicas and the controller.
    ///
    /// - Parameter limit: how long ongoing requests may take.
    /// - Returns: the numbers for the replicas of the next start.
    func end(within limit: Duration) async -> ReplicaNumbers {
        await access.shutdown(within: limit)
        switch self {
        case .embedded(_, let loop): return await loop.value
        case .separate(let agent, _): return ReplicaNumbers(next: agent.nextReplica)
        }
    }
}
