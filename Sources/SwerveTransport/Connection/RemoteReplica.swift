internal import NIOCore
package import SwerveActors
package import SwerveCore
internal import Synchronization

/// A replica in another process: one connection for each event loop of this process, so that a request stays on its
/// loop.
///
/// Immutable: when the connections change, a new value replaces it in the pool.
package final class RemoteReplica: ReplicaConnection {
    package let id: ReplicaID
    private let links: [Link]
    /// By the position of an event loop; a loop without a connection of its own shares another's.
    private let byLoop: [Int]

    private final class Link: Sendable {
        let connection: PeerConnection
        let methods: MethodNumbers
        init(_ connection: PeerConnection) {
            self.connection = connection
            self.methods = MethodNumbers()
        }
    }

    /// - Parameter connections: by the position of an event loop; at least one is not `nil`.
    package init(_ id: ReplicaID, _ connections: [PeerConnection?]) {
        self.id = id
        var links: [Link] = []
        for connection in connections {
            if let connection { links.append(Link(connection)) }
        }
        precondition(!links.isEmpty, "a remote replica is reached by a connection")
        var next = 0
        self.byLoop = connections.enumerated().map { index, connection in
            guard connection != nil else { return index % links.count }
            defer { next += 1 }
            return next
        }
        self.links = links
    }

    /// Whether it uses exactly these connections.
    package func uses(_ connections: [PeerConnection?]) -> Bool {
        let given = connections.compactMap { $0 }
        return given.count == links.count && zip(given, links).allSatisfy { $0 === $1.connection }
    }

    package func open(
        _ request: ReplicaRequest,
        for receiver: any ReplicaStreamReceiver,
        on loop: RequestLoop
    ) -> any ReplicaStream {
        let link = links[loop.index < byLoop.count ? byLoop[loop.index] : 0]
        let stream = FramedHTTPStream(id, link.connection, receiver, loop.eventLoop)
        stream.begin(request, method: link.methods.number(of: "", of: id, on: link.connection))
        return stream
    }

    package func call(_ call: OutgoingCall) async -> CallOutcome {
        // Tasks belong to no loop, so all calls share one connection and their frames can be written together.
        let link = links[0]
        do {
            let method = link.methods.number(of: call.target, of: id, on: link.connection)
            let (frame, streams) = try CallFrame.make(call, method: method, in: link.connection.makeBuffer())
            return await FramedCall(id, link.connection, streams).outcome(.requestCall, frame)
        } catch {
            return .failed(error)
        }
    }
}

/// The numbers of a replica's methods on one connection.
private final class MethodNumbers: Sendable {
    /// Few entries, and nearly always the same strings: comparing them costs less than hashing.
    private let known = Mutex<[(target: String, number: UInt32)]>([])

    func number(of target: String, of replica: ReplicaID, on connection: PeerConnection) -> UInt32 {
        known.withLock { known in
            if let found = known.first(where: { $0.target == target }) { return found.number }
            let number = connection.define(replica, target)
            known.append((target, number))
            return number
        }
    }
}
