import NIOCore
import SwerveActors
import SwerveCore
import Testing

@testable import SwerveTransport

/// Errors that are too long for a frame.
@Suite struct FailuresTests {
    private struct Long: Error, Codable {
        var text = String(repeating: "x", count: 3 << 20)
    }
    private static let replica = ReplicaID(deployment: DeploymentID(application: "a", deployment: "D"), number: 1)

    private func arrived(_ error: any Error) -> any Error {
        var frame = Failures.encode(error, thrownBy: Self.replica)
        #expect(frame.readableBytes < StreamLimits.window)
        frame.moveReaderIndex(forwardBy: Frame.headerBytes)
        return Failures.decode(frame, from: Self.replica, .detached)
    }

    @Test func `a long user error is described and shortened`() throws {
        let error = try #require(arrived(Long()) as? RemoteError)
        #expect(error.typeName.contains("Long"))
        #expect(error.message.utf8.count < 20_000)
        #expect(error.message.hasSuffix(" …"))
    }

    @Test func `a long ServeError keeps its code`() throws {
        let long = ServeError(.tooLarge, String(repeating: "é", count: 1 << 20))
        let error = try #require(arrived(long) as? ServeError)
        #expect(error.code == .tooLarge)
        #expect(error.message.hasPrefix("éé"))
    }
}
