import NIOCore
import Swerve

// The server for the benchmarks: a no-op, an echo, batched methods and a stream. The command line sets the number of replicas and
// their placement.
//
//   bench-app PORT process|inProcess|direct REPLICAS [echo] [batch] [adaptive] [stream] [loops=N] [proxies=N]
//     [shared=BYTES]

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

/// Its method takes 10 ms for a batch of any size.
@Deployment
distributed actor Batch: HTTPIngress {
    @Batched(maxBatchSize: 32, waitTimeout: .milliseconds(5))
    func run(batch numbers: [Int]) async throws -> [Int] {
        try await Task.sleep(for: .milliseconds(10), tolerance: .zero)
        return numbers
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text("\(try await run(1))")
    }
}

/// Answers `/stream/N` with N lines, one element each.
@Deployment
distributed actor Lines: RoutedIngress {
    static let routes: HTTPRoutes<Lines> = [
        .get("/{count}") { lines, request in
            .jsonLines(lines.tokens(Int(request.parameters["count"] ?? "") ?? 0))
        }
    ]

    distributed func tokens(_ count: Int) -> ResponseStream<String> {
        ResponseStream { writer in
            for number in 0..<count { try await writer.write("token \(number)") }
        }
    }
}

/// What a batch of its method takes grows with its size, so a caller has its result in time only if batches are neither
/// too small nor too large.
@Deployment(maxOngoingRequests: 1000)
distributed actor Adaptive: HTTPIngress {
    @Batched(.adaptive(latencyTarget: .milliseconds(50), maxBatchSize: 64))
    func run(batch numbers: [Int]) async throws -> [Int] {
        try await Task.sleep(for: .microseconds(5000 + 500 * numbers.count), tolerance: .zero)
        return numbers
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text("\(try await run(1))")
    }
}

let arguments = CommandLine.arguments
let placement: DeploymentOptions.Placement = arguments.count > 2 && arguments[2] == "inProcess" ? .inProcess : .process
let isDirect = arguments.count > 2 && arguments[2] == "direct"
let replicas = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
func number(_ name: String) -> Int? {
    arguments.first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
}
let port = arguments.count > 1 ? Int(arguments[1]) ?? 8000 : 8000
var serveOptions = ServeOptions(port: port, proxies: number("proxies") ?? 0, eventLoops: number("loops"))
if let bytes = number("shared") { serveOptions.maxSharedBytes = bytes }
if arguments.contains("adaptive") { serveOptions.requestTimeout = .milliseconds(50) }
try await Serve.start(serveOptions)
if arguments.contains("echo") {
    try await Serve.run(
        Echo.options(numReplicas: replicas, placement: placement).bind(),
        name: "echo",
        routePrefix: "/echo"
    )
}
if arguments.contains("batch") {
    try await Serve.run(
        Batch.options(numReplicas: replicas, placement: placement).bind(),
        name: "batch",
        routePrefix: "/batch"
    )
}
if arguments.contains("stream") {
    try await Serve.run(
        Lines.options(numReplicas: replicas, placement: placement).bind(),
        name: "stream",
        routePrefix: "/stream"
    )
}
if arguments.contains("adaptive") {
    try await Serve.run(
        Adaptive.options(numReplicas: replicas, placement: placement).bind(),
        name: "adaptive",
        routePrefix: "/adaptive"
    )
}
// Last, so that a client that waits for this route also finds the other one.
try await Serve.run(
    NoOp.options(numReplicas: replicas, maxOngoingRequests: 1000, placement: placement, directIngress: isDirect).bind(),
    name: "noop"
)
try await Serve.waitForShutdownSignal()
