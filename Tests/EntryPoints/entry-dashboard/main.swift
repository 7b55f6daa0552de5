import Dispatch
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// entry-dashboard TOKEN-FILE [PORT]: runs an application with an admin server, whose URL it prints, until it is told to
// end. Each line of the input begins a deploy:
//     words VERSION [PIPE]   another version of the application, which starts once somebody writes to the pipe
//     broken TEXT            an application that does not start because of TEXT
//     archive NAME           an application that must wait if another archive runs
let arguments = CommandLine.arguments
var options = ServeOptions(port: 0)
options.node = NodeResources(cpus: 8, memory: 8 << 30, custom: ["tape": 1])
options.admin = AdminOptions(port: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0, tokenFile: arguments[1])
try await Serve.start(options)

@Sendable func run(_ command: String) async throws {
    let words = command.split(separator: " ", maxSplits: 1).map(String.init)
    let rest = words.count > 1 ? words[1] : ""
    switch words.first {
    case "words":
        let parts = rest.split(separator: " ").map(String.init)
        let catalogue = Catalogue.bind()
        let front = Front.bind(
            version: parts[0],
            pipe: parts.count > 1 ? parts[1] : "",
            ranker: Ranker.bind(catalogue: catalogue),
            catalogue: catalogue
        )
        _ = try await Serve.run(front, name: "words", routePrefix: "/words")
    case "broken": _ = try await Serve.run(Broken.bind(text: rest), name: "broken", routePrefix: "/broken")
    case "archive": _ = try await Serve.run(Archive.bind(), name: rest, routePrefix: "/\(rest)")
    default: print("there is no command \(command)")
    }
}

try await run("words 1")
print("admin \(await Serve.instance.adminURL ?? "none")")
// Whoever reads this reads a pipe, and waits. Not later: it would wait for the thread that reads the input.
fflush(nil)
let commands = AsyncStream<String> { continuation in
    DispatchQueue(label: "commands").async {
        while let line = readLine() { continuation.yield(line) }
    }
}
await withDiscardingTaskGroup { group in
    group.addTask {
        await withDiscardingTaskGroup { group in
            // A deploy that fails shows in the status.
            for await command in commands { group.addTask { try? await run(command) } }
        }
    }
    try? await Serve.waitForShutdownSignal()
    group.cancelAll()
}
