import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers with what it was bound with, or with the file that "@FILE" names; "broken" does not start.
@Deployment(numReplicas: 2)
distributed actor Echo: HTTPIngress {
    private let text: String

    init(text: String) throws {
        if text == "broken" { throw Broken() }
        self.text = text
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        guard text.hasPrefix("@") else { return .text(text) }
        guard let file = fopen(String(text.dropFirst()), "r") else { return .text("no file") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
        return .text(String(decoding: bytes, as: UTF8.self))
    }
}

struct Broken: Error {}

// entry-durable STATE|- embedded|separate [TEXT [FOLDER]]: runs an application that answers TEXT, or what an earlier run
// left, until it is killed. With FOLDER, its replicas start there. It prints the port, and "deployed" or "failed" once a deploy is done.
let arguments = CommandLine.arguments
var options = ServeOptions(port: 0)
options.stateDirectory = arguments[1] == "-" ? nil : arguments[1]
options.controller = arguments[2] == "separate" ? .separate : .embedded
try await Serve.start(options)
if arguments.count > 3 {
    do {
        let environment = arguments.count > 4 ? RuntimeEnvironment(workingDirectory: arguments[4]) : nil
        try await Serve.run(Echo.bind(text: arguments[3]), name: "echo", runtimeEnvironment: environment)
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
