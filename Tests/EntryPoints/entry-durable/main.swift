import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers with what it was bound with; "broken" does not start.
@Deployment(numReplicas: 2)
distributed actor Echo: HTTPIngress {
    private let text: String

    init(text: String) throws {
        if text == "broken" { throw Broken() }
        self.text = text
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse { .text(text) }
}

struct Broken: Error {}

// entry-durable STATE|- embedded|separate [TEXT]: runs an application that answers TEXT, or what an earlier run left,
// until it is killed. It prints the port, and "deployed" or "failed" once a deploy is done.
let arguments = CommandLine.arguments
var options = ServeOptions(port: 0)
options.stateDirectory = arguments[1] == "-" ? nil : arguments[1]
options.controller = arguments[2] == "separate" ? .separate : .embedded
try await Serve.start(options)
if arguments.count > 3 {
    do {
        try await Serve.run(Echo.bind(text: arguments[3]), name: "echo")
        try await Serve.scale("Echo", application: "echo", to: 1)
        print("deployed")
    } catch {
        print("failed")
    }
    fflush(nil)
}
print("port \(await Serve.instance.port ?? 0)")
// Whoever reads this reads a pipe, and waits.
fflush(nil)
try await Serve.waitForShutdownSignal()
