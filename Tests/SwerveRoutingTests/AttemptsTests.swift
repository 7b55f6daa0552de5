import SwerveCore
import SwerveRouting
import Testing

@Suite struct AttemptsTests {
    private let replica = ReplicaID(deployment: DeploymentID(application: "a", deployment: "D"), number: 4)

    private func message(_ decision: Attempts.Decision) -> String? {
        guard case .fail(let error) = decision else { return nil }
        #expect(error.code == .replicaLost)
        #expect(error.replica == replica)
        #expect(error.deployment == replica.deployment)
        return error.message
    }

    @Test func `a request that had not begun is tried again until it has lost three replicas`() {
        for isIdempotent in [false, true] {
            var attempts = Attempts(isIdempotent: isIdempotent)
            for _ in 1..<Attempts.maximum {
                #expect(attempts.lost(replica, started: false, reason: "killed") == .again)
            }
            let last = message(attempts.lost(replica, started: false, reason: "killed"))
            #expect(last == "replica a/D#4 was lost before it began the request, at attempt 3: killed")
            #expect(message(attempts.lost(replica, started: false, reason: "killed")) != nil)
        }
    }

    @Test func `a request that may have begun fails`() {
        var attempts = Attempts(isIdempotent: false)
        let only = message(attempts.lost(replica, started: true, reason: "killed"))
        #expect(only == "replica a/D#4 was lost while it worked on the request: killed")
    }

    @Test func `a request that had not begun at first and may have begun later fails`() {
        var attempts = Attempts(isIdempotent: false)
        #expect(attempts.lost(replica, started: false, reason: "killed") == .again)
        #expect(message(attempts.lost(replica, started: true, reason: "killed"))?.contains("at attempt 2") == true)
    }

    @Test func `a request that may run twice is tried again as often as any other`() {
        var attempts = Attempts(isIdempotent: true)
        for _ in 1..<Attempts.maximum { #expect(attempts.lost(replica, started: true, reason: "killed") == .again) }
        #expect(message(attempts.lost(replica, started: true, reason: "killed")) != nil)
    }

    @Test(arguments: [false, true])
    func `a request whose body has left is not tried again, even if it is idempotent`(isIdempotent: Bool) {
        for started in [false, true] {
            var attempts = Attempts(isIdempotent: isIdempotent)
            attempts.bodyLeft()
            #expect(message(attempts.lost(replica, started: started, reason: "killed")) != nil)
        }
    }
}
