internal import Logging
internal import SwerveControl
internal import SwerveCore
internal import SwerveTransport

/// How the loop's actions are carried out.
extension Controller {
    func perform(_ actions: [ControlAction], _ state: inout LoopState) {
        for action in actions {
            switch action {
            case .start(let replica, let spec, let reservation):
                launcher.start(replica, spec, on: reservation) { self.send(.replica($0, replica)) }
            case .waitForResources(let id, let reason):
                logger.warning("replica waits for resources", metadata: ["deployment": "\(id)", "reason": "\(reason)"])
            case .publish(let id, let replicas, let options): publish(id, replicas, options, state)
            case .withdraw(let id, let reason):
                callers.withdraw(id, reason)
                launcher.publish(.withdraw(id, reason), of: id)
            case .exposeRoutes(let routes): exposeRoutes(routes)
            case .drain(let replica): launcher.drain(replica)
            case .stop(let replica): launcher.stop(replica)
            case .probe(let replica): launcher.probe(replica)
            case .reconfigure(let replica, let spec, let number):
                launcher.reconfigure(replica, spec, number: number)
            case .reportSlowStart(let replica, let phase, let time):
                logger.warning(
                    "replica is slow to start",
                    metadata: ["replica": "\(replica)", "phase": "\(phase)", "for": "\(time)"]
                )
            case .applicationRunning(let name):
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter(.success(())) }
            case .applicationFailed(let name, let error):
                logger.error("application failed", metadata: ["application": "\(name)", "error": "\(error)"])
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter(.failure(error)) }
            case .applicationDeleted(let name):
                for waiter in state.waitingForDelete.removeValue(forKey: name) ?? [] { waiter(.success(())) }
            }
        }
    }

    func publish(
        _ id: DeploymentID,
        _ replicas: [ServingReplica],
        _ options: PoolOptions,
        _ state: LoopState
    ) {
        // A replica has a place before it is ready, and is published after that.
        let published = replicas.compactMap { replica in
            state.addresses[replica.id].map {
                PublishedReplica(id: replica.id, address: $0, maxOngoingRequests: replica.maxOngoingRequests)
            }
        }
        callers.publish(id, published, options)
        launcher.publish(.publish(id, published, options), of: id)
    }
}
