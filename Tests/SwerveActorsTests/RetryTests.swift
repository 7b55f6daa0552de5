import NIOCore
import SwerveCore
import TestSupport
import Testing

@testable import SwerveActors

/// Is lost with every call, in the middle of it.
private final class Lossy: ReplicaConnection {
    let id: ReplicaID

    init(_ number: UInt64) {
        id = ReplicaID(deployment: DeploymentID(application: "retry", deployment: "D"), number: number)
    }
    func open(_ request: ReplicaRequest, for receiver: any ReplicaStreamReceiver, on loop: RequestLoop)
        -> any ReplicaStream
    {
        preconditionFailure("the tests of retries make calls")
    }
    func call(_ call: OutgoingCall) async -> CallOutcome { .lost(started: true, reason: "a test wants it") }
}

@Suite struct RetryTests {
    @Test func `a call says when it is not tried again because the budget is used up`() async throws {
        let loop = ManualLoop()
        let pool = Pool(
            DeploymentID(application: "retry", deployment: "D"),
            of: InstanceID(rawValue: 1),
            clock: loop,
            seed: 1,
            loads: LoadReporter(clock: loop)
        )
        var messages: [String] = []
        for round in 0..<10 {
            let members = (0..<3).map { Pool.Member(Lossy(UInt64(3 * round + $0)), maxOngoingRequests: 1) }
            pool.update(members, options: PoolOptions())
            let error = await #expect(throws: ServeError.self) {
                _ = try await pool.call(OutgoingCall(target: "f()", arguments: Arguments()), idempotent: true)
            }
            #expect(error?.code == .replicaLost)
            messages.append(error?.message ?? "")
        }
        #expect(messages[0].contains("at attempt 3"))
        #expect(messages[9].contains("not tried again: the retry budget is used up"), "\(messages[9])")
        #expect(pool.load.ongoing == 0)
    }
}
