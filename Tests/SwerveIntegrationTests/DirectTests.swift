import Foundation
import NIOCore
import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

/// Says which process answers.
@Deployment
distributed actor Where: HTTPIngress {
    private let version: Int
    private let journal: Journal

    init(version: Int = 1, journal: Journal) {
        self.version = version
        self.journal = journal
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        if request.path == "/gate" {
            try await journal.note("began gate")
            try await journal.wait(for: "open gate")
        }
        return .text("\(ProcessInfo.processInfo.processIdentifier) \(version)")
    }
}

/// Replicas that take HTTP connections themselves.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DirectTests {
    private func options(_ change: (inout ServeOptions) -> Void = { _ in }) -> ServeOptions {
        var options = ServeOptions.testing
        options.drainTimeout = .seconds(20)
        change(&options)
        return options
    }

    private func direct(
        _ version: Int = 1,
        replicas: Int = 1,
        limit: Int = 100,
        maxQueued: Int = 1000,
        routing: DeploymentOptions.Routing = .powerOfTwoChoices,
        rollout: DeploymentOptions.Rollout = .startFirst
    ) -> Where {
        Where.options(
            numReplicas: replicas,
            maxOngoingRequests: limit,
            maxQueuedRequests: maxQueued,
            directIngress: true,
            routing: routing,
            rollout: rollout
        ).bind(version: version, journal: Journal.options(maxOngoingRequests: 1000, placement: .inProcess).bind())
    }

    private func processes(_ instance: ServeInstance) async -> [Int32] {
        await instance.status().applications["a"]?.deployments["Where"]?.replicas.compactMap(\.processID) ?? []
    }

    private func process(_ answer: Answer) throws -> Int32 {
        try #require(answer.text.split(separator: " ").first.flatMap { Int32($0) }, "\(answer.status) \(answer.text)")
    }

    /// Opens connections until each replica has taken one, and passes one of each to `body`, by process.
    private func withConnections(
        _ count: Int,
        port: Int,
        _ open: [Int32: Connection] = [:],
        _ body: ([Int32: Connection]) async throws -> Void
    ) async throws {
        if open.count == count { return try await body(open) }
        try await Connection.open(port: port) { connection async throws in
            let process = try process(try await connection.get("/"))
            try await withConnections(count, port: port, open.merging([process: connection]) { old, _ in old }, body)
        }
    }

    @Test func `replicas answer on connections of their own, and the proxy takes none`() async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(replicas: 2), name: "a")
            try await eventuallyDirect(instance, "a")
            let port = try #require(await instance.port)
            #expect(try await fetch("/-/healthz", port: port).text == "success\n")
            #expect(try await fetch("/-/routes", port: port).text == #"{"/":"a"}"# + "\n")
            let all = Set(await processes(instance))
            try await withConnections(2, port: port) { connections async throws in
                #expect(Set(connections.keys) == all)
                // Each keeps to itself what it can do itself.
                for (process, connection) in connections {
                    for _ in 0..<20 { #expect(try await self.process(connection.get("/")) == process) }
                }
            }
        }
    }

    @Test func `a killed replica breaks its own connections and no other`() async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(replicas: 2), name: "a")
            try await eventuallyDirect(instance, "a")
            let port = try #require(await instance.port)
            try await withConnections(2, port: port) { connections async throws in
                let (victim, other) = try #require(
                    connections.keys.sorted().first.map { first in
                        (first, connections.keys.max() ?? first)
                    }
                )
                kill(victim, SIGKILL)
                #expect(await connections[victim]?.isClosed() == true)
                for _ in 0..<20 {
                    #expect(try await connections[other]?.get("/").status == 200)
                    #expect(try await fetch("/", port: port).status == 200)
                }
            }
            try await instance.waitUntilHealthy("a")
            try await eventuallyDirect(instance, "a")
        }
    }

    @Test func `without a direct replica the proxy takes connections, and leaves them to the next one`() async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(), name: "a", routePrefix: "/a")
            try await instance.run(Teller.bind(text: "b"), name: "b", routePrefix: "/b")
            let port = try #require(await instance.port)
            for _ in 0..<3 {
                try await eventuallyDirect(instance, "a")
                for victim in await processes(instance) { kill(victim, SIGKILL) }
                for _ in 0..<5 {
                    #expect(try await fetch("/b", port: port).text == "b")
                    #expect(try await fetch("/a", port: port).status == 200)
                }
                try await instance.waitUntilHealthy("a")
            }
            try await instance.scale("Where", application: "a", to: 0)
            try await eventually("the proxy takes connections") { await instance.takers.proxy }
            #expect(try await fetch("/b", port: port).text == "b")
            // Waits in the proxy for the replica.
            async let waiting = fetch("/a", port: port)
            try await instance.scale("Where", application: "a", to: 1)
            #expect(try await waiting.status == 200)
            try await eventuallyDirect(instance, "a")
        }
    }

    @Test func `a connection serves the paths of all applications, direct or not`() async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(
                Teller.options(placement: .inProcess).bind(text: "near"),
                name: "n",
                routePrefix: "/near"
            )
            try await instance.run(Teller.bind(text: "far"), name: "f", routePrefix: "/far")
            try await instance.run(
                Teller.options(directIngress: true).bind(text: "other"),
                name: "o",
                routePrefix: "/other"
            )
            try await instance.run(direct(), name: "a", routePrefix: "/a")
            try await eventually("both take connections") { await instance.takers.replicas.count == 2 }
            try await eventually("and the proxy does not") { await !instance.takers.proxy }
            let port = try #require(await instance.port)
            for _ in 0..<10 {
                try await Connection.open(port: port) { connection async throws in
                    for text in ["near", "far", "other"] { #expect(try await connection.get("/\(text)").text == text) }
                    #expect(try await connection.get("/a").text.hasSuffix(" 1"))
                    #expect(try await connection.get("/none").status == 404)
                }
            }
            try await instance.delete("o")
            for _ in 0..<10 { #expect(try await fetch("/other", port: port).status == 404) }
            try await instance.delete("a")
            for _ in 0..<10 { #expect(try await fetch("/a", port: port).status == 404) }
            #expect(try await fetch("/far", port: port).text == "far")
            #expect(await instance.takers.proxy)
        }
    }

    @Test func `what a full replica has no place for goes to the other one, and then waits`() async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(replicas: 2, limit: 1, maxQueued: 1), name: "a")
            try await eventuallyDirect(instance, "a")
            let journal = try await instance.deploymentHandle("Journal", application: "a", as: Journal.self)
            let port = try #require(await instance.port)
            try await withConnections(2, port: port) { connections async throws in
                let (full, first) = try #require(connections.first)
                try await first.send("GET /gate HTTP/1.1\r\nhost: x\r\n\r\n")
                try await journal.wait(for: "began gate")
                let others = Set(connections.keys).subtracting([full])
                // Others of the same replica: connections that it took and whose requests it cannot answer itself.
                for _ in 0..<20 {
                    let answer = try await fetch("/", port: port)
                    #expect(others.contains(try process(answer)))
                }
                try await journal.note("open gate")
                #expect(try process(try await first.response()) == full)
            }
        }
    }

    @Test func `requests go in turn to all replicas if the routing policy says so`() async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(replicas: 2, routing: .roundRobin), name: "a")
            try await eventuallyDirect(instance, "a")
            let port = try #require(await instance.port)
            try await Connection.open(port: port) { connection async throws in
                // Until the replica has reached the other one, it has to answer itself.
                try await eventually("they take turns") {
                    var counts: [Int32: Int] = [:]
                    for _ in 0..<20 { counts[try process(try await connection.get("/")), default: 0] += 1 }
                    return counts.values.sorted() == [10, 10]
                }
            }
        }
    }

    @Test func `a replica that leaves forwards the next request of a kept connection, and closes it`() async throws {
        try await withTestInstance(options: options()) { instance in
            var forwarded = false
            // A slow machine may take longer than a connection may be idle; the client would open another one.
            for _ in 0..<5 where !forwarded {
                try await instance.run(direct(replicas: 2), name: "a")
                try await instance.waitUntilHealthy("a")
                try await eventuallyDirect(instance, "a")
                let port = try #require(await instance.port)
                try await withConnections(2, port: port) { connections async throws in
                    try await instance.scale("Where", application: "a", to: 1)
                    try await eventually("one leaves") { await instance.takers.replicas.count == 1 }
                    let left = try #require(
                        await instance.status().applications["a"]?.deployments["Where"]?.replicas
                            .first { $0.state == .running }?.processID
                    )
                    for (process, connection) in connections where process != left {
                        // Until the replica is told that it drains, its connections stay open.
                        var isOpen = true
                        while isOpen, let answer = try? await connection.get("/") {
                            #expect(try self.process(answer) == left)
                            isOpen = answer.headers["connection"] != "close"
                        }
                        guard !isOpen else { continue }
                        #expect(await connection.isClosed())
                        forwarded = true
                    }
                }
            }
            #expect(forwarded)
        }
    }

    @Test(arguments: [DeploymentOptions.Rollout.startFirst, .rolling()])
    func `rollouts and scaling under load lose no request`(_ rollout: DeploymentOptions.Rollout) async throws {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(0, replicas: 2, rollout: rollout), name: "a")
            try await eventuallyDirect(instance, "a")
            let port = try #require(await instance.port)
            let (isOver, answered) = (Flag(), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<6 {
                    group.addTask {
                        while !isOver.isSet {
                            try await Connection.open(port: port) { connection async throws in
                                while !isOver.isSet {
                                    let answer = try await connection.get("/")
                                    #expect(answer.status == 200, "\(answer.text)")
                                    answered.add(1)
                                    if answer.headers["connection"] == "close" || client % 2 == 0 { break }
                                }
                            }
                        }
                    }
                }
                do {
                    defer { isOver.set() }
                    for version in 1...3 {
                        let sofar = answered.value
                        try await instance.run(direct(version, replicas: 2, rollout: rollout), name: "a")
                        for replicas in [4, 1, 2] {
                            try await instance.scale("Where", application: "a", to: replicas)
                            try await instance.waitUntilHealthy("a")
                        }
                        try await eventually("the load goes on") { answered.value > sofar + 100 }
                        #expect(try await fetch("/", port: port).text.hasSuffix(" \(version)"))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a separate controller may be killed`() async throws {
        try await withTestInstance(options: options { $0.controller = .separate }) { instance in
            try await instance.run(direct(replicas: 2), name: "a")
            try await eventuallyDirect(instance, "a")
            let port = try #require(await instance.port)
            kill(try #require(await instance.controllerProcessID), SIGKILL)
            for _ in 0..<10 { #expect(try await fetch("/", port: port).status == 200) }
            try await instance.run(direct(2, replicas: 2), name: "a")
            try await eventuallyDirect(instance, "a")
            for _ in 0..<10 { #expect(try await fetch("/", port: port).text.hasSuffix(" 2")) }
        }
    }

    @Test func `proxy processes take connections while no direct replica does`() async throws {
        try await withTestInstance(options: options { $0.proxies = 2 }) { instance in
            try await instance.run(direct(), name: "a")
            try await eventually("it takes connections") { await instance.takers.replicas.count == 1 }
            let port = try #require(await instance.port)
            for round in 0..<3 {
                for victim in await processes(instance) where round < 2 { kill(victim, SIGKILL) }
                for _ in 0..<5 { #expect(try await fetch("/", port: port).status == 200) }
                try await instance.waitUntilHealthy("a")
            }
            try await instance.replaceProxies()
            for _ in 0..<5 { #expect(try await fetch("/", port: port).status == 200) }
            try await instance.delete("a")
            for _ in 0..<5 { #expect(try await fetch("/", port: port).status == 404) }
        }
    }

    @Test func `the limits of connections hold for direct replicas`() async throws {
        let options = options {
            $0.maxBodyBytes = 1000
            $0.requestTimeout = .milliseconds(100)
        }
        try await withTestInstance(options: options) { instance in
            try await instance.run(direct(), name: "a")
            try await eventuallyDirect(instance, "a")
            let port = try #require(await instance.port)
            let long = ByteBuffer(repeating: 1, count: 1001)
            #expect(try await fetch("/", method: "POST", body: long, port: port).status == 413)
            #expect(try await fetch("/gate", port: port).status == 504)
        }
    }

    @Test func `a shutdown answers the requests of direct connections, and says first that it drains`() async throws {
        let instance = ServeInstance(options { $0.drainDelay = .seconds(1) })
        try await instance.run(direct(), name: "a")
        try await eventuallyDirect(instance, "a")
        let journal = try await instance.deploymentHandle("Journal", application: "a", as: Journal.self)
        let port = try #require(await instance.port)
        #expect(try await fetch("/-/healthz", port: port).status == 200)
        async let held = fetch("/gate", port: port)
        try await journal.wait(for: "began gate")
        async let end: Void = instance.shutdown()
        try await eventually("it says that it drains") { try await fetch("/-/healthz", port: port).status == 503 }
        #expect(try await fetch("/", port: port).status == 200)
        try await eventually("it takes no more connections") {
            do { return try await fetch("/", port: port).status == 0 } catch { return true }
        }
        try await journal.note("open gate")
        // Whether it says `connection: close` depends on whether the replica has been told yet.
        #expect(try await held.status == 200)
        await end
    }

    @Test func `the last replica refuses what comes on its connections when it leaves, and new connections wait`()
        async throws
    {
        try await withTestInstance(options: options()) { instance in
            try await instance.run(direct(), name: "a")
            try await eventuallyDirect(instance, "a")
            let journal = try await instance.deploymentHandle("Journal", application: "a", as: Journal.self)
            let port = try #require(await instance.port)
            try await withConnections(1, port: port) { connections async throws in
                let connection = try #require(connections.values.first)
                // What it works on keeps it, so that the other connection cannot be closed before its request comes.
                async let held = fetch("/gate", port: port)
                try await journal.wait(for: "began gate")
                try await instance.scale("Where", application: "a", to: 0)
                try await eventually("the proxy takes connections") { await instance.takers.proxy }
                while let answer = try? await connection.get("/") {
                    #expect(answer.status == 503 && answer.headers["retry-after"] == "1", "\(answer.text)")
                    if answer.headers["connection"] == "close" { break }
                }
                #expect(await connection.isClosed())
                async let waiting = fetch("/", port: port)
                try await journal.note("open gate")
                #expect(try await held.status == 200)
                try await instance.scale("Where", application: "a", to: 1)
                #expect(try await waiting.status == 200)
            }
        }
    }

    @Test func `the next instance with the state directory has direct replicas again`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-direct-\(UUID())").path()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let options = options { $0.stateDirectory = folder }
        try await withTestInstance(options: options) { _ = try await $0.run(direct(5), name: "a") }
        try await withTestInstance(options: options) { instance in
            try await instance.start()
            try await instance.waitUntilHealthy("a")
            try await eventuallyDirect(instance, "a")
            #expect(try await fetch("/", port: await instance.port).text.hasSuffix(" 5"))
        }
    }

    @Test func `only the ingress of an application with a route prefix can be direct`() async throws {
        try await withTestInstance(options: options()) { instance in
            func refuse(_ bound: Where, routePrefix: String?, _ message: String) async {
                let error = await #expect(throws: ServeError.self) {
                    try await instance.run(bound, name: "a", routePrefix: routePrefix)
                }
                #expect(error?.code == .invalidOptions)
                #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
            }
            await refuse(direct(), routePrefix: nil, "directIngress is set, but the application has no route prefix")
            let behind = Where.bind(journal: Journal.options(directIngress: true).bind())
            await refuse(
                behind,
                routePrefix: "/",
                "'Journal': directIngress is set, but it is not the application's ingress"
            )
            let near = Where.options(placement: .inProcess, directIngress: true).bind(journal: Journal.bind())
            await refuse(near, routePrefix: "/", "directIngress needs the placement process")
        }
        // Who says where replicas run, whatever their options say, also says it of direct ones.
        try await withTestInstance(placement: .inProcess, options: options()) { instance in
            try await instance.run(direct(), name: "a")
            #expect(try await fetch("/", port: await instance.port).status == 200)
        }
    }
}
