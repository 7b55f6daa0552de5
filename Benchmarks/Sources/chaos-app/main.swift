import Swerve

// The server for `make chaos`: two applications that change every few seconds, whose replicas, controller and proxies
// somebody kills.
//
//   chaos-app PORT STATE-DIRECTORY LOG-DIRECTORY SECONDS-BETWEEN-CHANGES PROXIES
//
// Its input takes lines: `resume` and `pause` the changes, and `report`, which prints `report {...}`.

let arguments = CommandLine.arguments
guard arguments.count == 6, let port = Int(arguments[1]), let period = Double(arguments[4]),
    let proxies = Int(arguments[5])
else { fatalError("usage: chaos-app PORT STATE LOGS SECONDS PROXIES") }
var options = ServeOptions(port: port)
options.stateDirectory = arguments[2]
options.controller = .separate
options.proxies = proxies
try await Serve.start(options)
let changes = Changes(logs: arguments[3], hasProxies: proxies > 0)
try await changes.first()
try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await changes.run(every: .seconds(period)) }
    group.addTask { try await Commands.follow(changes) }
    group.addTask { try await Serve.waitForShutdownSignal() }
    try await group.next()
    group.cancelAll()
}
