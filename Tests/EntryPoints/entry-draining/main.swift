import Dispatch
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers once somebody writes to a named pipe.
@Deployment(maxOngoingRequests: 1000)
distributed actor Gate: HTTPIngress {
    private let path: String

    init(path: String) {
        self.path = path
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let path = path
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                close(open(path, O_RDONLY))
                continuation.resume()
            }
        }
        return .text("open")
    }
}

// entry-draining SECONDS PIPE: serves requests that wait for the pipe's writer, until it is told to end; then they have
// so many seconds. It prints the port.
let arguments = CommandLine.arguments
var options = ServeOptions(port: 0)
options.drainTimeout = .seconds(Int(arguments[1]) ?? 20)
try await Serve.start(options)
try await Serve.run(Gate.options(numReplicas: 2).bind(path: arguments[2]), name: "gate")
print("port \(await Serve.instance.port ?? 0)")
// Whoever reads this reads a pipe, and waits.
fflush(nil)
try await Serve.waitForShutdownSignal()
