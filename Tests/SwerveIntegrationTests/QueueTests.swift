import NIOCore
import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    /// What happens to requests that wait for a replica.
    @Suite struct Queue {
        /// Runs the ingress with one place, which a request holds while `body` runs.
        private func withBusyFront(
            _ way: Way,
            maxQueuedRequests: Int = 100,
            prepare: () async throws -> Void = {},
            _ body: (Front, Journal) async throws -> Void
        ) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: way.placement).bind()
            let bound = Front.options(
                maxOngoingRequests: 1,
                maxQueuedRequests: maxQueuedRequests,
                placement: way.placement,
                directIngress: way.isDirect
            ).bind(back: Model.options(placement: way.placement).bind(), journal: journal)
            try await withApplication(bound, routePrefix: "/") { front, name in
                try await eventuallyHealthy(name, way)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                try await prepare()
                async let held = fetch("/gate")
                try await journal.wait(for: "began gate")
                try await body(front, journal)
                try await journal.note("open gate")
                #expect(try await held.text == "through")
            }
        }

        @Test(arguments: ways)
        func urgentRequestsAreServedFirst(way: Way) async throws {
            try await withBusyFront(way) { front, journal in
                let order = ["low", "normal", "high", "low", "high", "normal"]
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (number, priority) in order.enumerated() {
                        group.addTask {
                            let answer = try await fetch(
                                "/note?\(priority)-\(number)",
                                headers: ["x-request-priority": priority]
                            )
                            #expect(answer.status == 200)
                        }
                        try await eventually("it waits") { front.load.queued == number + 1 }
                    }
                    try await journal.note("open gate")
                    try await group.waitForAll()
                }
                let notes = try await journal.all().filter { $0.hasPrefix("note ") }
                #expect(notes == ["high-2", "high-4", "normal-1", "normal-5", "low-0", "low-3"].map { "note \($0)" })
            }
        }

        @Test(arguments: ways)
        func aRequestThatWaitsLeavesAtItsDeadline(way: Way) async throws {
            try await withBusyFront(way) { front, _ in
                let late = try await fetch("/note", headers: ["x-request-timeout-seconds": "0.05"])
                #expect(late.status == 504)
                // The queue and the connection have the same deadline, and either may notice it first.
                let texts = ["waited for a replica", "the request took too long"]
                #expect(texts.contains { late.text.contains($0) }, "\(late.text)")
                try await eventually("it has left the queue") { front.load.queued == 0 }
                let call = await #expect(throws: ServeError.self) {
                    try await front.options(timeout: .milliseconds(50)).bytesProduced()
                }
                #expect(call?.code == .deadlineExceeded)
                // The leases of direct replicas are in their processes.
                #expect(front.load == (0, way.isDirect ? 0 : 1))
            }
        }

        @Test(arguments: ways)
        func aFullQueueSaysSoAndWhenToTryAgain(way: Way) async throws {
            try await withBusyFront(way, maxQueuedRequests: 1) { front, journal in
                async let waiting = fetch("/note", headers: ["x-request-priority": "low"])
                try await eventually("it waits") { front.load.queued == 1 }
                let refused = try await fetch("/note", headers: ["x-request-priority": "low"])
                #expect(refused.status == 503)
                #expect(refused.headers["retry-after"] == "1")
                #expect(refused.text.contains("1 requests are already waiting, which is the limit"), "\(refused.text)")
                // A more urgent one takes the place.
                async let urgent = fetch("/who", headers: ["x-request-priority": "high"])
                #expect(try await waiting.status == 503)
                try await journal.note("open gate")
                #expect(try await urgent.status == 200)
            }
        }

        @Test func theLimitHoldsForAllProcessesTogether() async throws {
            let journal = Journal.options(maxOngoingRequests: 1000).bind()
            let gate = Gate.options(maxOngoingRequests: 1, maxQueuedRequests: 3).bind(journal: journal)
            try await withApplication(Visitor.bind(gate: gate)) { visitor, name in
                try await eventuallyHealthy(name)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                let gate = try await instance.deploymentHandle("Gate", application: name, as: Gate.self)
                async let held = gate.enter("held")
                try await journal.wait(for: "began held")
                async let second = gate.enter("a")
                async let third = gate.enter("b")
                try await eventually("two wait here") { gate.load.queued == 2 }
                // The replica refuses this one, because it is full, and it waits in its own process.
                async let fourth = visitor.enter(["c"])
                try await eventually("it waits there") {
                    let probe = await #expect(throws: ServeError.self) {
                        try await gate.options(timeout: .milliseconds(20)).enter("probe")
                    }
                    return probe?.code == .queueFull
                }
                // What waits here may be known there a moment later; until then these would wait, too.
                var errors: [ServeError] = []
                try await eventually("it knows of all that wait") {
                    errors = (try? await visitor.options(timeout: .milliseconds(200)).enter(["d", "e"])) ?? []
                    return errors.map(\.code) == [.queueFull, .queueFull]
                }
                #expect(errors.allSatisfy { $0.message.contains("2 of them in other processes") }, "\(errors)")
                for name in ["held", "a", "b", "c"] { try await journal.note("open \(name)") }
                #expect(try await [held, second, third] == ["held", "a", "b"])
                #expect(try await fourth.isEmpty)
            }
        }

        @Test(arguments: ways)
        func aRequestThatCannotBeAnsweredInTimeIsRefusedAtOnce(way: Way) async throws {
            let learn: () async throws -> Void = {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 { group.addTask { _ = try await fetch("/work") } }
                    try await group.waitForAll()
                }
            }
            try await withBusyFront(way, prepare: learn) { front, _ in
                // Each takes 20 ms, and one is being served.
                let refused = try await fetch("/work", headers: ["x-request-timeout-seconds": "0.03"])
                #expect(refused.status == 503)
                #expect(refused.headers["retry-after"] == "1")
                #expect(refused.text.contains("must be answered in 0.0"), "\(refused.text)")
                #expect(front.load.queued == 0)
            }
        }

        @Test(arguments: ways)
        func theTimeoutOfARouteHoldsForEveryRequest(way: Way) async throws {
            let bound = Front.options(
                placement: way.placement,
                directIngress: way.isDirect,
                requestTimeout: .milliseconds(50)
            ).bind(
                back: Model.options(placement: way.placement).bind(),
                journal: Journal.options(placement: way.placement).bind()
            )
            try await withApplication(bound, routePrefix: "/") { front, name in
                try await eventuallyHealthy(name, way)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                #expect(try await fetch("/hang").status == 504)
                try await journal.wait(for: "cancelled hang")
                try await eventually("the place is free") { front.load == (0, 0) }
            }
        }

        @Test(arguments: placements)
        func aCallEndsAtItsTimeoutAndIsCancelled(placement: DeploymentOptions.Placement) async throws {
            try await withGate(placement) { gate, journal, _ in
                let error = await #expect(throws: ServeError.self) {
                    _ = try await gate.options(timeout: .milliseconds(50)).enter("late")
                }
                #expect(error?.code == .deadlineExceeded)
                try await journal.wait(for: "cancelled late")
                try await journal.note("open early")
                #expect(try await gate.options(timeout: .seconds(60)).enter("early") == "early")
                try await eventually("the place is free") { gate.load == (0, 0) }
            }
        }

        @Test(arguments: ways)
        func aSessionStaysWithItsReplicaUntilThatIsFull(way: Way) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: way.placement).bind()
            let bound = Front.options(
                numReplicas: 3,
                maxOngoingRequests: 1,
                placement: way.placement,
                directIngress: way.isDirect,
                routing: .consistentHash
            ).bind(back: Model.options(placement: way.placement).bind(), journal: journal)
            try await withApplication(bound, routePrefix: "/") { _, name in
                try await eventuallyHealthy(name, way)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                func who(_ session: String) async throws -> String {
                    try await fetch("/who", headers: ["x-session-id": session]).text
                }
                // Processes that have not reached every replica yet choose among fewer.
                try await eventually("all processes agree") {
                    for session in (0..<10).map({ "session \($0)" }) {
                        let home = try await who(session)
                        for _ in 0..<6 where try await who(session) != home { return false }
                    }
                    return true
                }
                var homes: [String: String] = [:]
                for session in (0..<10).map({ "session \($0)" }) {
                    let home = try await who(session)
                    homes[session] = home
                    for _ in 0..<3 { #expect(try await who(session) == home) }
                }
                #expect(Set(homes.values).count > 1)
                async let held = fetch("/gate", headers: ["x-session-id": "session 0"])
                try await journal.wait(for: "began gate")
                let spilled = try await who("session 0")
                #expect(spilled != homes["session 0"])
                try await journal.note("open gate")
                #expect(try await held.status == 200)
                // A replica that had to refuse a request gets none for some milliseconds.
                try await eventually("it is back") { try await who("session 0") == homes["session 0"] }
            }
        }
    }
}
