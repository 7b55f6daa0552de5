import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import SwerveTransport
import Synchronization

/// Makes every kind of request, and counts the answers.
struct PeerCallers {
    /// Receives the events of one HTTP request.
    final class Receiver: ReplicaStreamReceiver {
        private let state = Mutex((stream: (any ReplicaStream)?.none, ends: 0, accepted: 0, isBegun: Bool?.none))
        private let body: ByteBuffer?

        init(body: ByteBuffer?) {
            self.body = body
        }
        var ends: Int { state.withLock { $0.ends } }
        /// Whether the replica may have begun it, according to its end; `nil` when it was not lost.
        var isBegun: Bool? { state.withLock { $0.isBegun } }
        func opened(_ stream: any ReplicaStream) { state.withLock { $0.stream = stream } }
        func cancel() { state.withLock { $0.stream }?.cancel() }

        func received(_ event: StreamEvent) {
            let (stream, isFirst) = state.withLock { state in
                // Stream and receiver hold each other until the end.
                defer { if event.endsStream { state.stream = nil } }
                if event.endsStream { state.ends += 1 }
                if case .accepted = event { state.accepted += 1 }
                if case .lost(let started, _) = event { state.isBegun = started }
                return (state.stream, state.accepted == 1)
            }
            switch event {
            case .accepted where isFirst:
                if let body { stream?.send(body) }
                stream?.end()
            case .bytes(let bytes): stream?.consumed(bytes.readableBytes)
            default: break
            }
        }
    }

    let receivers: [Receiver]
    private let ends = Ends()

    private final class Ends: Sendable {
        private let state = Mutex((begun: 0, over: 0))
        func begin() { state.withLock { $0.begun += 1 } }
        func end() { state.withLock { $0.over += 1 } }
        var unanswered: Int { state.withLock { $0.begun - $0.over } }
    }

    /// Opens the requests, which are always the same.
    init(_ world: PeerWorld) {
        let replica = RemoteReplica(PeerWorld.replica, [world.connection])
        let requestLoop = RequestLoop(world.loop, index: 0)
        let bodies: [(path: String, whole: ByteBuffer?, streamed: ByteBuffer?)] = [
            ("/collect", ByteBuffer(string: "whole"), nil), ("/stream", nil, ByteBuffer(repeating: 5, count: 300)),
            ("/collect", nil, ByteBuffer(repeating: 6, count: 40_000)), ("/fail", ByteBuffer(), nil),
            ("/ignore", nil, nil),
        ]
        receivers = bodies.map { path, whole, streamed in
            let receiver = Receiver(body: streamed)
            let request = ReplicaRequest(head: Self.head(path), body: whole, deadline: .uptimeNanoseconds(1 << 40))
            receiver.opened(replica.open(request, for: receiver, on: requestLoop))
            return receiver
        }
        call("value(_:_:)", FuzzValue(), "text", replica, world)
        call("large(_:)", 100, nil, replica, world)
        call("large(_:)", 70_000, nil, replica, world, mayKeep: true)
        call("fail()", nil, nil, replica, world)
        call("nothing()", nil, nil, replica, world)
    }

    private func call(
        _ target: String,
        _ first: (any Codable & Sendable)?,
        _ second: (any Codable & Sendable)?,
        _ replica: RemoteReplica,
        _ world: PeerWorld,
        mayKeep: Bool = false
    ) {
        let arguments = Arguments()
        if let first { arguments.append(first) }
        if let second { arguments.append(second) }
        let call = OutgoingCall(target: target, arguments: arguments, mayKeep: mayKeep)
        let ends = ends
        ends.begin()
        Task(executorPreference: world.executor) {
            if case .result(.kept(let result)) = await replica.call(call) { _ = try? await result.fetch() }
            ends.end()
        }
    }

    private static func head(_ path: String) -> HTTPRequestHead {
        let line = "POST \(path) HTTP/1.1\r\n"
        let end = UInt32(5 + path.utf8.count)
        return HTTPRequestHead(
            bytes: ByteBuffer(string: line + "x-a: b\r\ncontent-type: text/plain\r\n"),
            layout: .init(
                methodLength: 4,
                targetStart: 5,
                targetEnd: end,
                pathStart: 5,
                pathEnd: end,
                headersStart: UInt32(line.utf8.count)
            ),
            requestID: "id-1"
        )
    }

    /// Checks that every request ended exactly once.
    func check() throws(WrongResult) {
        let counts = receivers.map(\.ends)
        guard counts.allSatisfy({ $0 == 1 }), ends.unanswered == 0 else {
            throw WrongResult(message: "requests ended \(counts) times, and \(ends.unanswered) calls never ended")
        }
    }
}
