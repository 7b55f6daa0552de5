import Logging
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes in every way that a program can.
@Deployment
distributed actor Talker: HTTPIngress {
    private let listener: Listener

    init(listener: Listener) {
        self.listener = listener
        Logger(label: "test.talker").info("begins")
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        print("printed \(request.path)")
        Logger(label: "test.talker").info("logged", metadata: ["path": "\(request.path)"])
        try await listener.hear()
        if request.path.hasSuffix("/end") {
            write(STDERR_FILENO, "last words\n", 11)
            fatalError("an end that a test wants")
        }
        return .text("done")
    }
}

/// Logs what it was asked for, in a task that it starts.
@Deployment
distributed actor Listener {
    distributed func hear() async { await Task { Logger(label: "test.listener").notice("heard") }.value }

    /// What a logger adds to a message here.
    distributed func metadata() -> [String: String] {
        (ServeLogging.metadataProvider.get()).mapValues(\.description)
    }
}
