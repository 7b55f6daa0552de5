import Foundation
import Swerve

/// Pizzas in a number that is computed by one of two deployments.
struct Pizzas: ServeApplication {
    static let name = "conditional_dag.serve_dag"

    func application() -> Router {
        Router.bind(
            multiplier: Multiplier.bind(factor: 1).userConfig(.init(factor: 3)),
            adder: Adder.bind(increment: 1).userConfig(.init(increment: 2))
        )
    }
}

@Deployment(resources: Resources(cpus: 0.1))
distributed actor Router: HTTPIngress {
    private let multiplier: Multiplier
    private let adder: Adder

    init(multiplier: Multiplier, adder: Adder) {
        self.multiplier = multiplier
        self.adder = adder
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let order = try await request.decodeJSON(Order<Int>.self)
        let amount: Int
        switch order.name {
        case "ADD": amount = try await adder.add(to: order.amount)
        case "MUL": amount = try await multiplier.multiply(order.amount)
        default: throw ServeHTTPError(.unprocessableContent, "'\(order.name)' is neither ADD nor MUL")
        }
        return .text("\(amount) pizzas please!")
    }
}

/// A variable of the environment that overrules what a deployment is configured with.
private func overruling(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

@Deployment(
    resources: Resources(cpus: 0.1),
    runtimeEnvironment: RuntimeEnvironment(variables: ["override_factor": "-2"])
)
distributed actor Multiplier: Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var factor: Int?
    }
    private var factor: Int

    init(factor: Int) {
        self.factor = factor
    }

    func reconfigure(_ config: UserConfig) { factor = config.factor ?? -1 }

    distributed func multiply(_ number: Int) -> Int { number * (overruling("override_factor") ?? factor) }
}

@Deployment(
    resources: Resources(cpus: 0.1),
    runtimeEnvironment: RuntimeEnvironment(variables: ["override_increment": "-2"])
)
distributed actor Adder: Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var increment: Int?
    }
    private var increment: Int

    init(increment: Int) {
        self.increment = increment
    }

    func reconfigure(_ config: UserConfig) { increment = config.increment ?? -1 }

    distributed func add(to number: Int) -> Int { number + (overruling("override_increment") ?? increment) }
}
