import Swerve
import SwerveTesting
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension IntegrationTests {
    /// Changes of running applications, and replicas that are not well.
    @Suite struct Updates {
        /// Calls `call` from several tasks while `change` runs, and returns how many calls there were. Every call must
        /// succeed.
        private func load(
            during change: () async throws -> Void,
            _ call: @escaping @Sendable () async throws -> Void
        ) async throws -> Int {
            let (isOver, calls) = (Flag(), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        while !isOver.isSet {
                            try await call()
                            calls.add(1)
                            await Task.yield()
                        }
                    }
                }
                do {
                    defer { isOver.set() }
                    try await eventually("the load has begun") { calls.value > 20 }
                    try await change()
                    let sofar = calls.value
                    try await eventually("the load continues") { calls.value > sofar + 20 }
                }
                try await group.waitForAll()
            }
            return calls.value
        }

        private func replicas(_ name: String, _ deployment: String = "Tunable") async -> [ReplicaStatus] {
            await instance.status().applications[name]?.deployments[deployment]?.replicas ?? []
        }

        @Test(arguments: placements)
        func `another configuration reaches every replica in place, without the loss of a call`(
            placement: DeploymentOptions.Placement
        ) async throws {
            func bound(_ factor: Int) -> Tunable {
                Tunable.options(numReplicas: 2, placement: placement).bind().userConfig(.init(factor: factor))
            }
            try await withApplication(bound(3)) { tunable, name in
                #expect(try await tunable.times(2) == 6)
                let before = await replicas(name).map(\.id)
                let calls = try await load {
                    for factor in 4...6 {
                        try await instance.run(bound(factor), name: name, routePrefix: nil)
                        #expect(try await tunable.times(2) == 2 * factor)
                    }
                } _: {
                    let product = try await tunable.times(1)
                    #expect((3...6).contains(product))
                }
                #expect(calls > 40)
                #expect(await replicas(name).map(\.id) == before)
            }
        }

        @Test(arguments: placements)
        func `a configuration given to a handle is an error, wherever the result is used`(
            placement: DeploymentOptions.Placement
        ) async throws {
            try await withApplication(Tunable.options(placement: placement).bind()) { tunable, name async throws in
                let mistaken = tunable.userConfig(.init(factor: 2))
                func expectRefusal(_ use: () async throws -> Void) async {
                    let error = await #expect(throws: ServeError.self) { try await use() }
                    #expect(error?.code == .invalidOptions)
                    #expect(error?.message.contains("userConfig(_:) is for what 'bind' returns") == true)
                    #expect(error?.message.contains("\(name)/Tunable runs already") == true)
                }
                await expectRefusal { _ = try await mistaken.times(2) }
                await expectRefusal { _ = try await mistaken.options(timeout: .seconds(9)).times(2) }
                await expectRefusal { try await instance.run(mistaken, name: Instance.newName()) }
                await expectRefusal { try await instance.run(Tuned.bind(tunable: mistaken), name: Instance.newName()) }
                let graph = mistaken.nodes.times(InputNode<Int>())
                await expectRefusal { try await instance.run(GraphDriver.bind(graph), name: Instance.newName()) }
                #expect(try await tunable.times(2) == 2)
            }
        }

        @Test(arguments: placements)
        func `a configuration that is refused changes nothing in the end`(
            placement: DeploymentOptions.Placement
        ) async throws {
            func bound(_ factor: Int) -> Tunable {
                Tunable.options(numReplicas: 2, placement: placement).bind().userConfig(.init(factor: factor))
            }
            try await withApplication(bound(3)) { tunable, name in
                let error = await #expect(throws: ServeError.self) {
                    try await instance.run(bound(-1), name: name, routePrefix: nil)
                }
                #expect(error?.code == .startFailed)
                #expect(error?.message.contains("could not be reconfigured: the model is lost") == true)
                try await eventually("both have the old configuration again") {
                    await replicas(name).allSatisfy { $0.state == .running }
                }
                for _ in 0..<10 {
                    let product = try await tunable.times(2)
                    #expect(product == 6)
                }
            }
        }

        @Test func `a first deploy whose configuration is refused says so`() async throws {
            let error = await #expect(throws: ServeError.self) {
                try await instance.run(Tunable.bind().userConfig(.init(factor: -1)), name: "refused", routePrefix: nil)
            }
            #expect(error?.message.contains("reconfigure failed: the model is lost") == true)
            try await instance.delete("refused")
        }

        @Test(arguments: placements)
        func `a replica that says it is not well is replaced, without the loss of a call`(
            placement: DeploymentOptions.Placement
        ) async throws {
            let bound = Tunable.options(
                numReplicas: 2,
                placement: placement,
                healthCheckPeriod: .milliseconds(20)
            ).bind(version: 7)
            try await withApplication(bound) { tunable, name in
                let before = Set(await replicas(name).map(\.id))
                let calls = try await load {
                    try await tunable.fallSick()
                    try await eventually("one is replaced") {
                        let now = await replicas(name).filter { $0.state == .running }.map(\.id)
                        return now.count == 2 && !before.isSuperset(of: now)
                    }
                } _: {
                    let answer = try await tunable.answer()
                    #expect(answer == 7)
                }
                #expect(calls > 40)
            }
        }

        @Test func `new versions, options, limits and numbers of replicas cost no call, also between replicas`()
            async throws
        {
            func bound(_ version: Int, _ replicas: Int, limit: Int = 100, period: Duration = .seconds(10)) -> Tuned {
                Tuned.options(placement: .process).bind(
                    tunable: Tunable.options(
                        numReplicas: replicas,
                        maxOngoingRequests: limit,
                        rollout: .rolling(),
                        healthCheckPeriod: period
                    ).bind(version: version)
                )
            }
            try await withApplication(bound(1, 2)) { tuned, name in
                let calls = try await load {
                    let changes = [
                        bound(2, 2), bound(2, 2, limit: 3), bound(2, 2, limit: 50),
                        bound(2, 2, limit: 50, period: .seconds(5)), bound(2, 3), bound(3, 1),
                    ]
                    for change in changes { try await instance.run(change, name: name, routePrefix: nil) }
                } _: {
                    let answer = try await tuned.answer()
                    #expect((1...3).contains(answer))
                }
                #expect(calls > 40)
            }
        }

        @Test func `the status tells how long each phase of a start took`() async throws {
            try await withApplication(Tunable.bind()) { _, name in
                let startUp = try #require(await replicas(name).first?.startUp)
                #expect(startUp.phase == .ready)
                let times = [startUp.placed, startUp.spawned, startUp.connected, startUp.ready].compactMap(\.self)
                #expect(times.count == 4)
                #expect(times == times.sorted())
            }
        }

        @Test func `a plan says what a run would change, and changes nothing`() async throws {
            let new = try await instance.plan(Tunable.bind(version: 1), name: "planned", routePrefix: nil)
            #expect(new.changes.map(\.action) == [.create])
            try await withApplication(Tunable.bind(version: 1).userConfig(.init(factor: 2))) { _, name async throws in
                func actions(_ bound: Tunable) async throws -> [DeployPlan.Change.Action] {
                    try await instance.plan(bound, name: name, routePrefix: nil).changes.map(\.action)
                }
                #expect(try await actions(Tunable.bind(version: 1).userConfig(.init(factor: 2))) == [.unchanged])
                #expect(try await actions(Tunable.bind(version: 1).userConfig(.init(factor: 3))) == [.reconfigure])
                #expect(try await actions(Tunable.bind(version: 2).userConfig(.init(factor: 2))) == [.replace])
                #expect(await replicas(name).map(\.state) == [.running])
            }
        }
    }
}
