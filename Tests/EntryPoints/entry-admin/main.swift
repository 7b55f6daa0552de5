import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers with what it was bound with.
@Deployment(numReplicas: 2)
distributed actor Echo: HTTPIngress {
    private let text: String

    func respond(to request: ServeRequest) async throws -> ServeResponse { .text(text) }
}

// entry-admin TOKEN-FILE [PORT]: runs an application with an admin server until a signal or the admin server ends it. It
// prints the URL of the admin server.
let arguments = CommandLine.arguments
var options = ServeOptions(port: 0)
options.admin = AdminOptions(port: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0, tokenFile: arguments[1])
try await Serve.start(options)
try await Serve.run(Echo.bind(text: "hello"), name: "echo", routePrefix: "/echo")
print("admin \(await Serve.instance.adminURL ?? "none")")
// Whoever reads this reads a pipe, and waits.
fflush(nil)
try await Serve.waitForShutdownSignal()
