import Swerve

/// Two deployments that compute for a while, and one that waits for both.
struct Composition: ServeApplication {
    static let name = "autoscale_model_comp_example.app"

    func application() -> Driver { Driver.bind(heavy: HeavyLoad.bind(), light: LightLoad.bind()) }
}

/// Keeps the processor busy.
private func compute(for duration: Duration) {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: duration)
    while clock.now < end {}
}

@Deployment
distributed actor HeavyLoad {
    init() {}

    distributed func load() async throws -> String {
        compute(for: .milliseconds(200))
        return "heavy"
    }
}

@Deployment
distributed actor LightLoad {
    init() {}

    distributed func load() async throws -> String {
        compute(for: .milliseconds(100))
        return "light"
    }
}

@Deployment
distributed actor Driver: HTTPIngress {
    private let heavy: HeavyLoad
    private let light: LightLoad

    init(heavy: HeavyLoad, light: LightLoad) {
        self.heavy = heavy
        self.light = light
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        async let first = heavy.load()
        async let second = light.load()
        return try .json([try await first, try await second])
    }
}
