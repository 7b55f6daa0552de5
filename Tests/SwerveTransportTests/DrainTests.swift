import NIOCore
import SwerveActors
import SwerveCore
import SwerveReplica
import TestSupport
import Testing

@testable import SwerveTransport

/// A replica counts as drained only when its answers have left, because its process is killed then.
@Suite struct DrainTests {
    private let window = StreamLimits.window
    private let stream = RawPeer.stream(1)

    /// A process with a replica, and a peer that asked for more than a window and has not taken any of it.
    private struct Waiting {
        let peer: RawPeer
        let connection: PeerConnection
        let replica: HostedReplica
        let drained = Flag()
    }

    private func waiting(isCall: Bool) async throws -> Waiting {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        let (peer, connection, _) = try await RawPeer.connected(hosted)
        // The whole answer goes to the connection at once, so the replica's method has returned.
        let size = window + 100_000
        if isCall {
            try await peer.define(1, TestIngress.id, target: "made(_:)")
            let call = try RawPeer.call("made(_:)", size)
            try await peer.send(.requestCall, stream: stream) {
                $0.writeInteger(1 as UInt32, endianness: .little)
                $0.writeBytes(call)
            }
        } else {
            try await peer.define(1, TestIngress.id)
            try await peer.request("/download/\(size)/\(size)", stream: stream, body: ByteBuffer())
        }
        var taken = 0
        while taken < window {
            let frame = try #require(try await peer.next())
            if frame.kind != .responseHead { taken += frame.body.readableBytes }
        }
        let waiting = Waiting(peer: peer, connection: connection, replica: replica)
        let drained = waiting.drained
        replica.drain { drained.set() }
        return waiting
    }

    @Test(arguments: [false, true])
    func `it is drained when the caller has made room for the last of a long answer`(isCall: Bool) async throws {
        let waiting = try await waiting(isCall: isCall)
        #expect(!waiting.drained.isSet)
        #expect(waiting.replica.ongoing == 1)
        try await waiting.peer.sendCredit(.responseCredit, stream: stream, window)
        while let frame = try await waiting.peer.next(), frame.kind != .responseEnd {}
        try await eventually("it is drained") { waiting.drained.isSet }
        #expect(waiting.replica.ongoing == 0)
        #expect(waiting.connection.load == (0, 0, 0))
        waiting.connection.close(because: "the test is over")
    }

    @Test(arguments: [false, true])
    func `it is drained when the caller is gone`(isCall: Bool) async throws {
        let waiting = try await waiting(isCall: isCall)
        #expect(!waiting.drained.isSet)
        waiting.peer.close()
        try await eventually("it is drained") { waiting.drained.isSet }
        #expect(waiting.replica.ongoing == 0)
    }

    @Test(arguments: [false, true])
    func `it is drained when the caller cancels the rest`(isCall: Bool) async throws {
        let waiting = try await waiting(isCall: isCall)
        #expect(!waiting.drained.isSet)
        try await waiting.peer.send(.requestCancel, stream: stream)
        _ = try await waiting.peer.expect(.responseFailure)
        try await eventually("it is drained") { waiting.drained.isSet }
        #expect(waiting.connection.load == (0, 0, 0))
        waiting.connection.close(because: "the test is over")
    }

    @Test func `an answer that was given before the replica is asked to drain leaves it drained`() async throws {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        let (peer, connection, _) = try await RawPeer.connected(hosted)
        try await peer.define(1, TestIngress.id)
        try await peer.request("/whole", stream: stream, body: ByteBuffer(string: "x"))
        _ = try await peer.expect(.responseHTTP)
        let drained = Flag()
        replica.drain { drained.set() }
        #expect(drained.isSet)
        connection.close(because: "the test is over")
    }
}
