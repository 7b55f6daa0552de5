import Foundation
import NIOCore
import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

/// Proxies in processes of their own, with real sockets.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ProxyTests {
    private func options(proxies: Int, _ change: (inout ServeOptions) -> Void = { _ in }) -> ServeOptions {
        var options = ServeOptions.testing
        options.proxies = proxies
        change(&options)
        return options
    }

    @Test(arguments: DeploymentOptions.Placement.all)
    func `an application is answered by proxy processes as soon as it runs, and no more once it is deleted`(
        _ placement: DeploymentOptions.Placement
    ) async throws {
        try await withTestInstance(placement: placement, options: options(proxies: 3)) { instance in
            for round in 0..<5 {
                try await instance.run(Teller.bind(text: "round \(round)"), name: "a")
                let port = try #require(await instance.port)
                for _ in 0..<20 {
                    let answer = try await fetch("/", port: port)
                    #expect(answer.status == 200)
                    #expect(answer.text == "round \(round)")
                }
                try await instance.delete("a")
                for _ in 0..<20 { #expect(try await fetch("/", port: port).status == 404) }
            }
            #expect(await instance.proxies().map(\.state) == [.serving, .serving, .serving])
            #expect(Set(await instance.proxies().map(\.processID)).count == 3)
        }
    }

    @Test func `new connections are answered while proxies are killed, even all of them`() async throws {
        try await withTestInstance(options: options(proxies: 2)) { instance in
            try await instance.run(Teller.bind(text: "hello"), name: "a")
            let port = try #require(await instance.port)
            for round in 0..<4 {
                let victims = await instance.proxies().compactMap(\.processID)
                for victim in victims.prefix(round % 2 + 1) { kill(victim, SIGKILL) }
                for _ in 0..<20 { #expect(try await fetch("/", port: port).text == "hello") }
                try await eventually("both serve again") {
                    let proxies = await instance.proxies()
                    return proxies.count == 2 && proxies.allSatisfy { $0.state == .serving }
                        && !proxies.contains { $0.processID == victims[0] }
                }
            }
        }
    }

    @Test func `replacing the proxies loses no request of new or kept connections`() async throws {
        try await withTestInstance(options: options(proxies: 2)) { instance in
            try await instance.run(Teller.options(numReplicas: 2).bind(text: "hello"), name: "a")
            let port = try #require(await instance.port)
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for client in 0..<6 {
                    group.addTask {
                        var answers = 0
                        while !isOver.isSet {
                            answers += try await Connection.open(port: port) { connection in
                                var answers = 0
                                while !isOver.isSet {
                                    let answer = try await connection.get("/")
                                    #expect(answer.text == "hello")
                                    answers += 1
                                    if answer.headers["connection"] == "close" || client % 2 == 0 { break }
                                }
                                return answers
                            }
                        }
                        return answers
                    }
                }
                let before = Set(await instance.proxies().map(\.processID))
                do {
                    for _ in 0..<3 { try await instance.replaceProxies() }
                } catch {
                    isOver.set()
                    throw error
                }
                isOver.set()
                let after = await instance.proxies()
                #expect(after.map(\.number) == [7, 8])
                #expect(before.isDisjoint(with: after.map(\.processID)))
                #expect(try await group.reduce(0, +) > 100)
            }
        }
    }

    @Test(arguments: [0, 2])
    func `during the drain delay the health page says 503 and requests are answered`(_ proxies: Int) async throws {
        let options = options(proxies: proxies) { $0.drainDelay = .seconds(1) }
        let instance = ServeInstance(options)
        try await instance.run(Teller.bind(text: "hello"), name: "a")
        let port = try #require(await instance.port)
        #expect(try await fetch("/-/healthz", port: port).status == 200)
        async let end: Void = instance.shutdown()
        try await eventually("it says that it drains") { try await fetch("/-/healthz", port: port).status == 503 }
        #expect(try await fetch("/", port: port).text == "hello")
        await end
        await #expect(throws: (any Error).self) { try await fetch("/", port: port) }
    }

    @Test func `a request by a proxy process starts the first replica`() async throws {
        try await withTestInstance(options: options(proxies: 2)) { instance in
            try await instance.run(
                Teller.options(autoscaling: Autoscaling(minReplicas: 0, initialReplicas: 0, maxReplicas: 2))
                    .bind(text: "awake"),
                name: "a"
            )
            let port = try #require(await instance.port)
            #expect(try await fetch("/", port: port).text == "awake")
        }
    }

    @Test func `proxies go on when a separate controller is killed, and get what the next one says`() async throws {
        try await withTestInstance(options: options(proxies: 2) { $0.controller = .separate }) { instance in
            try await instance.run(Teller.bind(text: "first"), name: "a", routePrefix: "/a")
            let port = try #require(await instance.port)
            kill(try #require(await instance.controllerProcessID), SIGKILL)
            #expect(try await fetch("/a", port: port).text == "first")
            try await instance.run(Teller.bind(text: "second"), name: "b", routePrefix: "/b")
            for _ in 0..<10 { #expect(try await fetch("/b", port: port).text == "second") }
        }
    }

    @Test func `a port that is taken is refused as with the embedded proxy`() async throws {
        try await withTestInstance(options: options(proxies: 1)) { first in
            try await first.start()
            let port = try #require(await first.port)
            try await withTestInstance(options: options(proxies: 1) { $0.port = port }) { second in
                let error = await #expect(throws: ServeError.self) { try await second.start() }
                #expect(error?.code == .addressInUse)
            }
        }
    }

    @Test func `the embedded proxy cannot be replaced`() async throws {
        try await withTestInstance { instance in
            try await instance.start()
            #expect(await instance.proxies().isEmpty)
            let error = await #expect(throws: ServeError.self) { try await instance.replaceProxies() }
            #expect(error?.code == .notRunning)
        }
    }
}

/// Answers every request with what it was bound with.
@Deployment
distributed actor Teller: HTTPIngress {
    private let text: String

    init(text: String) {
        self.text = text
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse { .text(text) }
}
