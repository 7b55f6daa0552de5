import Swerve

// The server for `make soak`: applications of every kind, one of which is replaced every few seconds.
//
//   soak-app PORT [SECONDS-BETWEEN-REDEPLOYMENTS [EVENT-LOOPS]]

let arguments = CommandLine.arguments
guard arguments.count > 1, let port = Int(arguments[1]) else { fatalError("usage: soak-app PORT [SECONDS [LOOPS]]") }
let period = arguments.count > 2 ? Double(arguments[2]) ?? 3 : 3
let loops = arguments.count > 3 ? Int(arguments[3]) : nil
try await Serve.start(ServeOptions(port: port, eventLoops: loops))
for (name, run) in Applications.all {
    do {
        try await run(0)
    } catch {
        fatalError("\(name): \(error)")
    }
}
try await Serve.run(Control.bind(), name: "control", routePrefix: "/control")
try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await Redeployments.shared.run(every: .seconds(period)) }
    group.addTask { try await Serve.waitForShutdownSignal() }
    try await group.next()
    group.cancelAll()
}
