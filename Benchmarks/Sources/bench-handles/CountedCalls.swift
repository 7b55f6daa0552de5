import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes a given number of calls to another process, one after another, for each line of the input. The difference of
/// both processes' counters before and after shows what a call costs.
struct CountedCalls {
    let count: Int
    let repetitions: Int

    /// Runs off the main actor, whose executor would be part of every call.
    @concurrent func run() async throws {
        let counter = try await Serve.run(Counter.bind(), name: "remote", routePrefix: nil)
        let payload = String(repeating: "x", count: HandleBenchmark.payloadBytes)
        try await call(counter, payload)
        say("ready")
        for repetition in 0..<repetitions {
            guard readLine() != nil else { break }
            try await call(counter, payload)
            say("done \(repetition)")
        }
        await Serve.shutdown()
    }

    private func call(_ counter: Counter, _ payload: String) async throws {
        for _ in 0..<count { _ = try await counter.echo(payload) }
    }

    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
