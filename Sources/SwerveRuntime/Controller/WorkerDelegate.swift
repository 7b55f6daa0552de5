internal import SwerveControl
internal import SwerveCore
package import SwerveTransport
internal import Synchronization

/// What the controller hears from workers, as events.
package final class WorkerDelegate: PeerDelegate {
    private let controller: Controller
    package init(_ controller: Controller) {
        self.controller = controller
    }

    package func received(_ hello: Hello, on connection: PeerConnection) {
        guard let replica = hello.replica else { return connection.close(because: "a hello without a replica") }
        if let slot = hello.board?.open() { connection.setPeerBoard(slot) }
        replicas.withLock { $0[ObjectIdentifier(connection)] = replica }
        controller.send(.connected(replica, connection))
    }

    private let replicas = Mutex<[ObjectIdentifier: ReplicaID]>([:])

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        guard let replica = replicas.withLock({ $0[ObjectIdentifier(connection)] }) else {
            return connection.close(because: "a message before the hello")
        }
        switch message {
        case .ready: controller.send(.replica(.ready, replica))
        case .initializationFailed(let message):
            controller.send(.replica(.initializationFailed(message: message), replica))
        case .drained(let replica): controller.send(.replica(.drained, replica))
        case .probeAnswered: controller.send(.replica(.probeAnswered, replica))
        case .start, .publish, .withdraw, .drain, .probe, .stop:
            connection.close(because: "unexpected control message: only the controller sends this kind")
        }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        _ = replicas.withLock { $0.removeValue(forKey: ObjectIdentifier(connection)) }
        controller.forget(connection, reason)
    }
}
