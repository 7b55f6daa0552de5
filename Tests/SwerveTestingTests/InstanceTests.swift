import Swerve
import SwerveTesting
import Testing

/// Instances are values: several of them share nothing.
@Suite(.timeLimit(.minutes(5))) struct InstanceTests {
    @Test(arguments: DeploymentOptions.Placement.all)
    func `the placement that a test wants holds for every deployment`(placement: DeploymentOptions.Placement)
        async throws
    {
        try await withTestInstance(placement: placement) { instance in
            let doubler = try await instance.run(Doubler.bind(adder: Adder.bind(offset: 1)), routePrefix: nil)
            #expect(try await doubler.twice(3) == 8)
            let status = try #require(await instance.status().applications["default"])
            #expect(status.deployments.mapValues(\.options.placement) == ["Adder": placement, "Doubler": placement])
        }
    }

    @Test(arguments: DeploymentOptions.Placement.all)
    func `two instances run applications of one name side by side`(placement: DeploymentOptions.Placement) async throws
    {
        try await withTestInstance(placement: placement) { one in
            try await withTestInstance(placement: placement) { other in
                let first = try await one.run(Doubler.bind(adder: Adder.bind(offset: 1)))
                let second = try await other.run(Doubler.bind(adder: Adder.bind(offset: 10)))
                #expect(try await first.twice(0) == 2)
                #expect(try await second.twice(0) == 20)
                let ports = await (one.port, other.port)
                #expect(ports.0 != nil && ports.1 != nil && ports.0 != ports.1)
                try await one.delete("default")
                #expect(try await second.twice(0) == 20)
                let error = await #expect(throws: ServeError.self) { try await first.twice(0) }
                #expect(error?.code == .deleted)
            }
        }
    }

    @Test func `a handle of another instance works where its instance is and is refused elsewhere`() async throws {
        try await withTestInstance { one in
            try await withTestInstance { other in
                let adder = try await one.run(Adder.bind(offset: 5), routePrefix: nil)
                let near = Doubler.options(placement: .inProcess).bind(adder: Adder.bind(offset: 1))
                #expect(try await other.run(near, name: "near", routePrefix: nil).ask(adder) == 5)
                let far = try await other.run(Doubler.bind(adder: Adder.bind(offset: 1)), name: "far", routePrefix: nil)
                let sent = await #expect(throws: ServeError.self) { try await far.ask(adder) }
                #expect(sent?.message.contains("another instance") == true)
                let bound = await #expect(throws: ServeError.self) {
                    try await other.run(Doubler.bind(adder: adder), name: "bound", routePrefix: nil)
                }
                #expect(bound?.code == .invalidOptions)
                #expect(bound?.message.contains("another instance") == true)
            }
        }
    }

    @Test func `an instance that has ended starts again`() async throws {
        try await withTestInstance(placement: .inProcess) { instance in
            let adder = try await instance.run(Adder.bind(offset: 1))
            await instance.shutdown()
            #expect(await instance.port == nil)
            let error = await #expect(throws: ServeError.self) { try await adder.add(1) }
            #expect(error?.code == .deleted)
            try await instance.run(Adder.bind(offset: 2))
            #expect(try await adder.add(1) == 3)
        }
    }

    @Test func `status updates end with the instance, and tell its end`() async throws {
        try await withTestInstance(placement: .inProcess) { instance in
            try await instance.run(Adder.bind(offset: 1), routePrefix: nil)
            let updates = await instance.statusUpdates()
            async let last = updates.reduce(nil as ServeStatus?) { $1 }
            await instance.shutdown()
            #expect(await last?.applications == [:])
        }
    }

    @Test(arguments: DeploymentOptions.Placement.all)
    func `a deployment is scaled, and a new run decides anew`(placement: DeploymentOptions.Placement) async throws {
        try await withTestInstance(placement: placement) { instance in
            func replicas(_ count: Int) async throws {
                try await instance.waitUntil { application in
                    let deployment = application?.deployments["Adder"]
                    return deployment?.replicas.count == count && deployment?.state == .healthy
                }
            }
            let adder = try await instance.run(Adder.bind(offset: 1), routePrefix: nil)
            try await instance.scale("Adder", to: 3)
            try await replicas(3)
            try await instance.scale("Adder", to: 2)
            try await replicas(2)
            #expect(try await adder.add(1) == 2)
            try await instance.run(Adder.bind(offset: 1), routePrefix: nil)
            try await replicas(1)
            let unknown = await #expect(throws: ServeError.self) { try await instance.scale("Other", to: 1) }
            #expect(unknown?.code == .notFound)
            let negative = await #expect(throws: ServeError.self) { try await instance.scale("Adder", to: -1) }
            #expect(negative?.code == .invalidOptions)
        }
    }

    @Test(arguments: DeploymentOptions.Placement.all)
    func `a handle that is sent keeps its call options`(placement: DeploymentOptions.Placement) async throws {
        try await withTestInstance(placement: placement) { instance in
            let doubler = try await instance.run(Doubler.bind(adder: Adder.bind(offset: 1)), routePrefix: nil)
            let adder = try await instance.deploymentHandle("Adder", as: Adder.self)
            #expect(try await doubler.isIdempotent(adder) == false)
            #expect(try await doubler.isIdempotent(adder.options(idempotent: true)))
            let sent = adder.options(priority: .high, sessionKey: "a %20 b", modelID: "m")
            #expect(try await doubler.options(of: sent) == "high a %20 b m")
            #expect(try await doubler.isIdempotent(sent) == false)
        }
    }

    @Test func `status updates of an instance that never ran end with its shutdown`() async throws {
        let instance = ServeInstance(.testing)
        let updates = await instance.statusUpdates()
        await instance.shutdown()
        let all = await updates.reduce(into: []) { $0.append($1) }
        #expect(all == [ServeStatus(applications: [:])])
    }
}
