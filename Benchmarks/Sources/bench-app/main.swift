import NIOCore
import Swerve

// The server for the benchmarks: a no-op and an echo. The command line sets the number of replicas and their placement.
//
//   bench-app PORT process|inProcess REPLICAS [echo] [loops=N] [proxies=N]

@Deployment
distributed actor NoOp: HTTPIngress {
    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text("ok")
    }
}

@Deployment
distributed actor Echo: HTTPIngress {
    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .bytes(try await request.body.collect())
    }
}

let arguments = CommandLine.arguments
let placement: DeploymentOptions.Placement = arguments.count > 2 && arguments[2] == "inProcess" ? .inProcess : .process
let replicas = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
func number(_ name: String) -> Int? {
    arguments.first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
}
let port = arguments.count > 1 ? Int(arguments[1]) ?? 8000 : 8000
try await Serve.start(ServeOptions(port: port, proxies: number("proxies") ?? 0, eventLoops: number("loops")))
if arguments.contains("echo") {
    try await Serve.run(
        Echo.options(numReplicas: replicas, placement: placement).bind(),
        name: "echo",
        routePrefix: "/echo"
    )
}
// Last, so that a client that waits for this route also finds the other one.
try await Serve.run(
    NoOp.options(numReplicas: replicas, maxOngoingRequests: 1000, placement: placement).bind(),
    name: "noop"
)
try await Serve.waitForShutdownSignal()
