import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct Batching {
        /// Runs ``Batches`` while a first batch, of the item `first`, keeps others waiting.
        private func withBatches(
            _ placement: DeploymentOptions.Placement,
            routePrefix: String? = nil,
            _ body: (Batches, Journal) async throws -> Void
        ) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: placement).bind()
            let bound = Batches.options(placement: placement).bind(journal: journal)
            try await withApplication(bound, routePrefix: routePrefix) { handle, name in
                try await eventuallyHealthy(name)
                try await body(
                    handle,
                    try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                )
            }
        }

        private func isWaiting(_ count: Int, _ handle: Batches) async throws {
            try await eventually("\(count) calls wait") { try await handle.waiting() == count }
        }

        @Test(arguments: placements)
        func callsThatWaitShareABatchAndEachGetsItsOwnResult(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement) { handle, journal in
                async let first = handle.enter("a")
                try await journal.wait(for: "began front a")
                async let b = handle.enter("b")
                try await isWaiting(1, handle)
                let bad = Task { try await handle.enter("bad") }
                async let other = handle.enter("o", door: "back")
                try await isWaiting(3, handle)
                async let c = handle.enter("c")
                try await isWaiting(4, handle)
                for entry in ["open front a", "open front b", "open back o"] { try await journal.note(entry) }
                #expect(try await first == "a in 1")
                #expect(try await b == "b in 3")
                #expect(try await c == "c in 3")
                #expect(try await other == "o in 1")
                let error = await #expect(throws: Refused.self) { try await bad.value }
                #expect(error == Refused(reason: "bad", code: 3))
                let counters = try await handle.counters()
                #expect(counters.full == 1)
                #expect(counters.batches == 3)
                #expect(counters.items == 5)
            }
        }

        @Test(arguments: placements)
        func theStatusCountsTheBatchesOfEachReplica(placement: DeploymentOptions.Placement) async throws {
            let bound = Batches.options(placement: placement).bind(
                journal: Journal.options(placement: placement).bind()
            )
            try await withApplication(bound) { handle, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                func status() async -> DeploymentStatus? {
                    await instance.status().applications[name]?.deployments["Batches"]
                }
                try await eventually("no call yet") { await status()?.replicas.first?.batches == [:] }
                for item in ["a", "b"] {
                    try await journal.note("open front \(item)")
                    #expect(try await handle.enter(item) == "\(item) in 1")
                }
                await #expect(throws: ServeError.self) { try await handle.broken(1) }
                try await eventually("the status has them") {
                    let batches = await status()?.replicas.first?.batches
                    return batches?["enter(batch:door:)"]?.items == 2 && batches?["broken(batch:)"]?.batches == 1
                }
                let counters = try await handle.counters()
                #expect(await status()?.batches["enter(batch:door:)"] == counters)
                let journals = await instance.status().applications[name]?.deployments["Journal"]
                #expect(journals?.replicas.map(\.batches) == [nil])
            }
        }

        @Test(arguments: placements)
        func anErrorOfTheMethodFailsTheBatchAndNoOther(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement) { handle, journal in
                async let first = handle.enter("a")
                try await journal.wait(for: "began front a")
                let b = Task { try await handle.enter("b") }
                try await isWaiting(1, handle)
                let c = Task { try await handle.enter("fail") }
                try await isWaiting(2, handle)
                for entry in ["open front a", "open front b"] { try await journal.note(entry) }
                #expect(try await first == "a in 1")
                await #expect(throws: Refused(reason: "all", code: 2)) { try await b.value }
                await #expect(throws: Refused(reason: "all", code: 2)) { try await c.value }
            }
        }

        @Test(arguments: placements)
        func aWrongNumberOfResultsSaysHowManyWereExpected(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement) { handle, _ in
                let error = await #expect(throws: ServeError.self) { try await handle.broken(1) }
                #expect(error?.code == .wrongResultCount)
                #expect(error?.message.contains("broken(batch:) returned 2 results for 1 items") == true)
            }
        }

        @Test(arguments: placements)
        func aCancelledCallLeavesItsBatch(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement) { handle, journal in
                async let first = handle.enter("a")
                try await journal.wait(for: "began front a")
                let cancelled = Task { try await handle.enter("x") }
                try await isWaiting(1, handle)
                async let b = handle.enter("b")
                try await isWaiting(2, handle)
                cancelled.cancel()
                await #expect(throws: CancellationError.self) { try await cancelled.value }
                try await isWaiting(1, handle)
                for entry in ["open front a", "open front b"] { try await journal.note(entry) }
                #expect(try await first == "a in 1")
                #expect(try await b == "b in 1")
                #expect(try await handle.counters().cancelled == 1)
            }
        }

        @Test(arguments: placements)
        func aBatchIsCancelledWhenAllItsCallsAre(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement) { handle, journal in
                async let first = handle.enter("a")
                try await journal.wait(for: "began front a")
                var calls: [Task<String, any Error>] = []
                for name in ["b", "c"] {
                    calls.append(Task { try await handle.enter(name) })
                    try await isWaiting(calls.count, handle)
                }
                try await journal.note("open front a")
                #expect(try await first == "a in 1")
                let began = try await journal.wait(for: "began front b")
                    .replacing("began", with: "cancelled")
                calls[0].cancel()
                await #expect(throws: CancellationError.self) { try await calls[0].value }
                #expect(try await !journal.all().contains(began))
                calls[1].cancel()
                try await journal.wait(for: "cancelled front b")
            }
        }

        @Test(arguments: placements)
        func aCallPastItsDeadlineLeavesBeforeItsBatchRuns(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement) { handle, journal in
                async let first = handle.enter("a")
                try await journal.wait(for: "began front a")
                let error = await #expect(throws: ServeError.self) {
                    try await ServeContext.withDeadline(in: .milliseconds(200)) { try await handle.enter("late") }
                }
                #expect(error?.code == .deadlineExceeded)
                try await journal.note("open front a")
                #expect(try await first == "a in 1")
                #expect(try await handle.counters().expired == 1)
            }
        }

        @Test(arguments: placements)
        func anHTTPRequestThatExpiresInABatchIsAnsweredWith504(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement, routePrefix: "/") { handle, journal in
                async let first = post("/", "a")
                try await journal.wait(for: "began front a")
                // The proxy keeps the client's time, the batch that of the replica's own code.
                let late = try await post("/", "late", headers: ["x-request-timeout-seconds": "0.2"])
                #expect(late.status == 504)
                try await isWaiting(0, handle)
                let before = try await handle.counters()
                #expect(before.expired + before.cancelled == 1)
                let hurried = try await post("/", "hurried")
                #expect(hurried.status == 504)
                #expect(hurried.headers["retry-after"] == nil)
                let message = "the request's deadline passed before its batch of enter(batch:door:) began"
                #expect(hurried.text.contains(message), "\(hurried.text)")
                #expect(try await handle.counters().expired == before.expired + 1)
                try await journal.note("open front a")
                #expect(try await first.text.hasPrefix("a in 1"))
                #expect(try await handle.counters().items == 1)
            }
        }

        @Test(arguments: placements)
        func httpRequestsShareABatch(placement: DeploymentOptions.Placement) async throws {
            try await withBatches(placement, routePrefix: "/") { handle, journal in
                async let first = post("/", "a")
                try await journal.wait(for: "began front a")
                async let b = post("/", "b")
                try await isWaiting(1, handle)
                async let c = post("/", "bad c")
                try await isWaiting(2, handle)
                for entry in ["open front a", "open front b"] { try await journal.note(entry) }
                #expect(try await first.text.hasPrefix("a in 1"))
                #expect(try await b.text.hasPrefix("b in 2"))
                #expect(try await c.status == 500)
            }
        }

        @Test(arguments: placements)
        func aGraphCallsTheMethodWithOneItem(placement: DeploymentOptions.Placement) async throws {
            let journal = Journal.options(placement: placement).bind()
            let input = InputNode<String>()
            let batches = Batches.options(placement: placement).bind(journal: journal)
            let driver = GraphDriver.bind(
                batches.nodes.enter(input),
                options: DeploymentOverrides(placement: placement)
            )
            try await withApplication(driver) { handle, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                try await journal.note("open front a")
                #expect(try await handle.predict("a") == "a in 1")
            }
        }

        @Test func theUserConfigurationChangesTheBatchSize() async throws {
            let name = Instance.newName()
            let bound = Batches.bind(journal: Journal.options(maxOngoingRequests: 1000).bind())
            try await withApplication(bound.userConfig(.init(maxBatchSize: 2)), name: name) { handle, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                async let first = handle.enter("a")
                try await journal.wait(for: "began front a")
                async let b = handle.enter("b")
                async let c = handle.enter("c")
                try await isWaiting(2, handle)
                _ = try await instance.run(bound.userConfig(.init(maxBatchSize: 1)), name: name)
                for entry in ["open front a", "open front b", "open front c"] { try await journal.note(entry) }
                #expect(try await first == "a in 1")
                #expect(try await b == "b in 1")
                #expect(try await c == "c in 1")
            }
        }

        @Test func batchesThatCouldNeverBeFullAreRefused() async throws {
            let bound = Batches.options(maxOngoingRequests: 2).bind(journal: Journal.bind())
            let error = await #expect(throws: ServeError.self) {
                try await instance.run(bound, name: Instance.newName())
            }
            #expect(error?.code == .invalidOptions)
            #expect(
                error?.message
                    == "deployment 'Batches': enter(batch:door:): its batches could never be full: 3 items in each of 1 "
                    + "need maxOngoingRequests of at least 3, and it is 2. Raise it, or leave it out"
            )
        }
    }
}
