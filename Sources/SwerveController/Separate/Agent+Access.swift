internal import SwerveControl
package import SwerveCore
internal import SwerveLaunch
internal import Synchronization

extension Agent: ControllerAccess {
    package func deploy(_ spec: ApplicationSpec) async throws {
        let waiter = DeployWaiter()
        let isOver = state.withLock { state in
            if state.isEnding { return true }
            state.ask(.deploy(spec), .deploy(waiter))
            return false
        }
        if isOver { waiter.end(.failure(ServeError(.shutDown, "the instance is shut down"))) }
        try await waiter.wait()
    }
    package func plan(_ spec: ApplicationSpec, without leaving: Set<String>) async throws -> DeployPlan {
        guard case .plan(let plan) = try await ask(.plan(spec, without: leaving)) else {
            return DeployPlan(application: spec.name, changes: [])
        }
        return plan
    }
    package func delete(_ application: String) async throws { _ = try await ask(.delete(application)) }
    package func scale(_ deployment: DeploymentID, to replicas: Int, by decider: Target.Decider) async throws {
        _ = try await ask(.scale(deployment, to: replicas, by: decider))
    }
    package func setTargetCapacity(_ percent: Int?) async throws { _ = try await ask(.targetCapacity(percent)) }
    /// This process's loads changed.
    package func report(_ loads: [DeploymentID: Load]) { state.withLock { $0.reported(loads) } }
    package func status() async -> ServeStatus {
        if case .status(let status)? = try? await ask(.status) { return status }
        return ServeStatus(applications: [:])
    }
    package func watch(_ watcher: AsyncStream<ServeStatus>.Continuation) {
        let isOver = state.withLock { state in
            if !state.isEnding { state.ask(.watch, .stream(watcher)) }
            return state.isEnding
        }
        if isOver { watcher.finish() }
    }

    /// Ends all replicas, and then the controller.
    package func shutdown(within limit: Duration?) async {
        _ = try? await ask(.shutdown(within: limit))
        await withCheckedContinuation { continuation in
            let attempt = state.withLock { state -> UInt64? in
                state.isEnding = true
                guard state.hasProcess else { return nil }
                state.waitingForEnd = continuation
                return state.attempt
            }
            if let attempt { processes.kill(Self.process(attempt)) } else { continuation.resume() }
        }
        let needed = state.withLock { state in
            state.endPending()
            return state.needed.take()
        }
        withExtendedLifetime(needed) {}
    }

    package var processID: Int32? { state.withLock { $0.processID } }

    /// The number that no replica has had yet, for the next start of the instance.
    package var nextReplica: UInt64 { state.withLock { $0.nextReplica } }
}
