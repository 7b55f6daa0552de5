import Swerve
import SwerveActors

/// Adds, and says what its initialiser was given.
@Deployment
distributed actor Adder {
    private let offset: Int

    init(offset: Int) {
        self.offset = offset
    }

    distributed func add(_ number: Int) -> Int { number + offset }
    /// How long the request may still take.
    distributed func remaining() -> Duration? { ServeContext.current?.timeRemaining }
}

/// Calls another deployment.
@Deployment
distributed actor Doubler: HTTPIngress {
    private let adder: Adder

    init(adder: Adder) {
        self.adder = adder
    }

    distributed func twice(_ number: Int) async throws -> Int { try await adder.add(number) * 2 }
    /// Calls a handle that came as an argument.
    distributed func ask(_ other: Adder) async throws -> Int { try await other.add(0) }
    distributed func isIdempotent(_ other: Adder) -> Bool { other.id.callOptions?.idempotent == true }
    distributed func options(of other: Adder) -> String {
        let options = other.id.callOptions
        return "\(options?.priority ?? .low) \(options?.sessionKey ?? "-") \(options?.modelID ?? "-")"
    }
    func respond(to request: ServeRequest) async throws -> ServeResponse { .text("\(try await adder.add(1))") }
}
