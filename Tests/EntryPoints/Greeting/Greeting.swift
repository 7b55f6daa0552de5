import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Says which process it runs in, and code of the main actor works there.
@Deployment
distributed actor Greeter {
    distributed func process() async -> Int32 { await Self.mainActorProcess() }

    @MainActor private static func mainActorProcess() -> Int32 { getpid() }
}

/// What each of the programs with an entry of another kind does: prints a line of its own and one of its replica.
public enum Greeting {
    public static func run() async throws {
        print("main runs")
        let greeter = try await Serve.run(Greeter.bind(), name: "greeting", routePrefix: nil)
        print(try await greeter.process() == getpid() ? "in the same process" : "in a process of its own")
        await Serve.shutdown()
    }
}
