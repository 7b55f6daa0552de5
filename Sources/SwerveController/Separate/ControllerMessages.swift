internal import NIOCore
internal import SwerveActors
package import SwerveControl
package import SwerveCore
package import SwerveTransport

/// What the process that has the replicas and proxies, the agent, tells a separate controller.
package enum ControllerInput: Codable, Sendable {
    /// The first message: what an earlier controller left, and what replicas can reserve.
    case begin(Inventory, nodes: [String: NodeResources])
    case replica(ReplicaEvent, ReplicaID)
    /// The loads of the agent's own process, as far as they have changed.
    case load([DeploymentID: Load])
    /// Asks for `pong`, which only a controller that works sends.
    case ping
    case request(UInt64, Request)

    /// What callers ask of the controller. Each can be asked again: a controller that was lost may or may not have done
    /// it.
    package enum Request: Codable, Sendable {
        /// Answered when the application runs.
        case deploy(ApplicationSpec)
        /// The same for a deploy that an earlier controller has stored. It is not done again, because later changes may
        /// have been made to the application.
        case awaitDeploy(String)
        case plan(ApplicationSpec, without: Set<String>)
        /// Answered when nothing of the application is left.
        case delete(String)
        case scale(DeploymentID, to: Int, by: Target.Decider)
        case targetCapacity(Int?)
        case status
        /// Answered with every change of the status from now on.
        case watch
        /// Answered when all replicas have ended.
        case shutdown(within: Duration?)
    }
}

/// What a separate controller tells the agent.
package enum ControllerOutput: Codable, Sendable {
    /// The first message.
    case hello(token: String)
    case pong
    case start(ReplicaID, DeploymentSpec, on: Reservation)
    case drain(ReplicaID)
    case probe(ReplicaID)
    case reconfigure(ReplicaID, DeploymentSpec, number: Int)
    case stop(ReplicaID)
    /// The publication or withdrawal of a deployment, for every process.
    case publish(ControlMessage, of: DeploymentID)
    case exposeRoutes([RouteEntry])
    /// The deploy or delete with this number is stored. Its answer comes when the application runs or is gone.
    case stored(UInt64)
    case done(UInt64)
    case failed(UInt64, ServeError)
    case status(UInt64, ServeStatus)
    case plan(UInt64, DeployPlan)
}

extension ControlMessage {
    /// - Parameter value: a plain value, which always encodes.
    static func relaying(_ value: some Encodable) -> ControlMessage {
        let writer = BinaryWriter()
        do {
            try writer.region(value)
        } catch {
            preconditionFailure("a control message does not encode: \(error)")
        }
        return .relayed(Array(writer.takeBuffer().readableBytesView))
    }

    static func relayed<Value: Decodable>(_ bytes: [UInt8], as type: Value.Type, _ system: ServeSystem) throws -> Value
    {
        try BinaryReader(ByteBuffer(bytes: bytes), system: system).nextRegion(type)
    }
}
