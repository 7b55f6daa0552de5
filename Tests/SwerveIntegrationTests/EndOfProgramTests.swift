import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Programs that get SIGTERM while requests are under way.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EndOfProgramTests {
    private let gate = FileManager.default.temporaryDirectory.appending(path: "swerve-gate-\(UUID())").path()

    /// Opens connections with a request on each that waits for the gate, sends SIGTERM, and calls `body` when the
    /// program has begun to end.
    private func withEndingProgram(
        drainSeconds: Int,
        _ body: (_ program: Program, _ waiting: [HTTPClient], _ port: Int) async throws -> Void
    ) async throws {
        defer { try? FileManager.default.removeItem(atPath: gate) }
        #expect(mkfifo(gate, 0o600) == 0)
        let program = try Program("entry-draining", "\(drainSeconds)", gate)
        let port = try #require(Int(try await program.line().dropFirst("port ".count)))
        let waiting = try (0..<40).map { _ in try #require(HTTPClient(port: port)) }
        for client in waiting { client.send("GET /") }
        // The proxy reads connections in turn: when it answers this, it has read the others.
        let idle = try #require(HTTPClient(port: port))
        for _ in 0..<3 {
            idle.send("GET /-/healthz")
            #expect(await idle.answer()?.status == 200)
        }
        program.terminate()
        try await eventually("new connections are refused") { HTTPClient(port: port) == nil }
        idle.send("GET /-/healthz")
        let health = await idle.answer()
        #expect(health == nil || health?.status == 503, "it is closed, or says that the program ends")
        try await body(program, waiting, port)
    }

    @Test func `requests that are under way at SIGTERM are answered, and the program ends with 0`() async throws {
        try await withEndingProgram(drainSeconds: 60) { program, waiting, _ in
            let writer = open(gate, O_WRONLY)
            defer { close(writer) }
            for client in waiting {
                let answer = await client.answer()
                #expect(answer?.status == 200)
                #expect(answer?.body == "open")
            }
            #expect(await program.exitStatus() == 0)
        }
    }

    @Test func `requests that take too long at SIGTERM are cut, and the program ends with 0`() async throws {
        try await withEndingProgram(drainSeconds: 1) { program, waiting, _ in
            for client in waiting {
                let answer = await client.answer()
                #expect(answer?.status != 200)
            }
            #expect(await program.exitStatus() == 0)
            #expect(program.children.isEmpty)
        }
    }
}
