import Swerve

/// Answers with the message that it is deployed with.
struct Hello: ServeApplication {
    static let name = "hello.app_builder"

    var message = ""

    func application() -> HelloWorld { HelloWorld.bind(message: message) }
}

@Deployment
distributed actor HelloWorld: HTTPIngress {
    private let message: String

    init(message: String) {
        self.message = message
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse { .text(message) }
}
