import NIOCore
import Swerve
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension IntegrationTests {
    /// What clients read when a request is refused, or given up.
    @Suite struct Refusals {
        @Test(arguments: placements)
        func aPolicyOfTheProgramRefusesWith429AndSaysWhyAndWhenToTryAgain(
            placement: DeploymentOptions.Placement
        ) async throws {
            try await withApplication(Guarded.options(placement: placement).bind(), routePrefix: "/") { guarded, name in
                try await eventuallyHealthy(name)
                for _ in 0..<2 { #expect(try await fetch("/", headers: ["x-session-id": "a"]).text == "welcome") }
                let refused = try await fetch("/", headers: ["x-session-id": "a"])
                #expect(refused.status == 429)
                #expect(refused.headers["retry-after"] == "7")
                #expect(refused.headers["content-type"] == "application/json")
                #expect(refused.text == #"{"error":"\#(name)/Guarded: two are enough","status":429}"# + "\n")
                // Other sessions, and calls by handle.
                #expect(try await fetch("/", headers: ["x-session-id": "b"]).status == 200)
                let session = guarded.options(sessionKey: "b")
                #expect(try await session.answer() == 1)
                let error = await #expect(throws: ServeError.self) { try await session.answer() }
                #expect(error?.code == .tooManyRequests)
                #expect(error?.retryAfter == .milliseconds(6500))
                #expect(guarded.load == (0, 0))
            }
        }

        /// As many calls are lost together as the replica took before its limit was lowered. The budget follows the limit.
        @Test func aUsedUpRetryBudgetIsAnsweredWith502AndSaysSo() async throws {
            let count = 60
            let journal = Journal.options(maxOngoingRequests: 1000).bind()
            func bound(maxOngoingRequests: Int) -> Persistent {
                Persistent.bind(doomed: Doomed.options(maxOngoingRequests: maxOngoingRequests).bind(journal: journal))
            }
            try await withApplication(bound(maxOngoingRequests: count), routePrefix: "/") { _, name in
                try await eventuallyHealthy(name)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                let answers = (0..<count).map { _ in Task { try await fetch("/") } }
                var entries: [String] = []
                try await eventually("all requests are at the replica") {
                    entries = try await journal.all()
                    return entries.count == count
                }
                _ = try await instance.run(bound(maxOngoingRequests: 1), name: name, routePrefix: "/")
                kill(try #require(Int32(entries[0].dropFirst("entered ".count))), SIGKILL)
                try await journal.note("release")
                var refused = 0
                for answer in answers {
                    let answer = try await answer.value
                    if answer.status == 200, answer.text == "survived" { continue }
                    refused += 1
                    #expect(answer.status == 502)
                    #expect(answer.headers["retry-after"] == nil)
                    #expect(
                        answer.text.contains("the retry budget is used up, because many replicas were lost"),
                        "\(answer.text)"
                    )
                }
                #expect((1..<count).contains(refused))
            }
        }
    }
}
