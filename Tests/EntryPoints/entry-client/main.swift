import Shouts
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// entry-client run: runs an instance with two replicas of a counter, prints "replicas: 2", and after a line of its input
// runs it with one and prints "replicas: 1".
// entry-client PROCESS: a client of the instance that a process runs. It calls that counter again and again, prints "calls"
// after the first answer, and how the connection ended.
let argument = CommandLine.arguments[1]
if argument == "run" { try await runCounters() } else { try await callCounter(of: argument) }

func runCounters() async throws {
    try await Serve.start(ServeOptions(port: 0))
    for count in [2, 1] {
        if count == 1 { _ = readLine() }
        try await Serve.run(Shouts.Counter.options(numReplicas: count).bind(), routePrefix: nil)
        for await status in await Serve.statusUpdates() where replicas(status) == count { break }
        print("replicas: \(count)")
        fflush(nil)
    }
    try await Serve.waitForShutdownSignal()
}

func replicas(_ status: ServeStatus) -> Int? {
    status.applications["default"]?.deployments["Counter"]?.replicas.count
}

func callCounter(of process: String) async throws {
    let connection = try await Serve.connect(processID: Int32(process))
    let counter = try connection.applicationHandle(as: Shouts.Counter.self)
    do {
        _ = try await counter.next()
        print("calls")
        fflush(nil)
        while true { _ = try await counter.next() }
    } catch {
        print("\(error)".contains("the connection to the instance is over") ? "over" : "\(error)")
    }
    await connection.close()
}
