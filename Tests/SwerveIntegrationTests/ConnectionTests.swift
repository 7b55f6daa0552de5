import Foundation
import Shouts
import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    /// A program that runs an application, and this process as a client of it.
    @Suite struct Connections {
        private func withProgram(_ body: (Program) async throws -> Void) async throws {
            let program = try Program("entry-application", "run", "--application", "Counting", "--port", "0")
            #expect(try await program.line() == "Counting runs")
            try await body(program)
        }

        @Test func `a client calls by a typed handle`() async throws {
            try await withProgram { program in
                let connection = try await Serve.connect(processID: program.processID)
                #expect(connection.applications == ["Counting"])
                let counter = try connection.applicationHandle("Counting", as: Shouts.Counter.self)
                #expect(try await counter.next() == 1)
                #expect(try await counter.next() == 2)
                await connection.close()
            }
        }

        @Test func `the count of one client goes on with the next one`() async throws {
            try await withProgram { program in
                for expected in 1...3 {
                    let connection = try await Serve.connect(processID: program.processID)
                    let counter = try connection.deploymentHandle(
                        "Counter",
                        application: "Counting",
                        as: Shouts.Counter.self
                    )
                    #expect(try await counter.next() == expected)
                    await connection.close()
                }
            }
        }

        @Test func `a handle of another type, name or application is refused`() async throws {
            try await withProgram { program in
                let connection = try await Serve.connect(processID: program.processID)
                #expect(throws: ServeError.self) { try connection.applicationHandle("Counting", as: Voice.self) }
                #expect(throws: ServeError.self) { try connection.applicationHandle("Other", as: Shouts.Counter.self) }
                let error = #expect(throws: ServeError.self) {
                    try connection.deploymentHandle("Conter", application: "Counting", as: Shouts.Counter.self)
                }
                #expect(error?.message == "the application 'Counting' has no deployment 'Conter'; it has: Counter")
                await connection.close()
            }
        }

        @Test func `calls fail once the instance has ended`() async throws {
            try await withProgram { program in
                let connection = try await Serve.connect(processID: program.processID)
                let counter = try connection.applicationHandle("Counting", as: Shouts.Counter.self)
                #expect(try await counter.next() == 1)
                program.terminate()
                #expect(await program.exitStatus() == 0)
                try await eventually("calls fail") { (try? await counter.next()) == nil }
                #expect(throws: ServeError.self) {
                    try connection.applicationHandle("Counting", as: Shouts.Counter.self)
                }
                await connection.close()
            }
        }

        @Test func `the 65th client is refused, until one leaves`() async throws {
            try await withProgram { program in
                var connections: [ServeConnection] = []
                for _ in 0..<64 { connections.append(try await Serve.connect(processID: program.processID)) }
                let error = await #expect(throws: ServeError.self) {
                    _ = try await Serve.connect(processID: program.processID)
                }
                #expect(error?.code == .unavailable)
                await connections.removeLast().close()
                try await eventually("there is room") {
                    guard let connection = try? await Serve.connect(processID: program.processID) else { return false }
                    await connection.close()
                    return true
                }
                for connection in connections { await connection.close() }
            }
        }

        @Test func `a client that stopped holds a rollout up for seconds only, and loses its connection`() async throws
        {
            // Not this process's instance: other tests may run more of them here.
            let program = try Program("entry-client", "run")
            #expect(try await program.line() == "replicas: 2")
            let client = try Program("entry-client", "\(program.processID)")
            #expect(try await client.line() == "calls")
            kill(client.processID, SIGSTOP)
            // The replicas that end wait for the client to know of it.
            try program.send("scale")
            #expect(try await program.line() == "replicas: 1")
            kill(client.processID, SIGCONT)
            #expect(try await client.line() == "over")
            #expect(await client.exitStatus() == 0)
        }

        @Test func `a process that runs no instance cannot be connected to`() async throws {
            let error = await #expect(throws: ServeError.self) { try await Serve.connect(processID: 1) }
            #expect(error?.code == .notFound)
        }
    }
}
