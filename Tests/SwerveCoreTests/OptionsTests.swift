import SwerveCore
import Testing

@Suite struct OptionsTests {
    private static func options(_ change: (inout DeploymentOptions) -> Void) -> DeploymentOptions {
        var options = DeploymentOptions()
        change(&options)
        return options
    }

    static let wrong: [(DeploymentOptions, String)] = [
        (options { $0.numReplicas = -1 }, "numReplicas is -1; it must be from 0 to 10000"),
        (options { $0.numReplicas = 10_001 }, "numReplicas is 10001; it must be from 0 to 10000"),
        (options { $0.maxOngoingRequests = 0 }, "maxOngoingRequests is 0; it must be from 1 to 10000000"),
        (options { $0.maxQueuedRequests = -1 }, "maxQueuedRequests is -1; it must be from 0 to 10000000"),
        (options { $0.startTimeout = .zero }, "startTimeout"),
        (options { $0.healthCheckPeriod = .zero }, "healthCheckPeriod"),
        (options { $0.healthCheckTimeout = .seconds(-1) }, "healthCheckTimeout"),
        (options { $0.gracefulShutdownTimeout = .seconds(-1) }, "gracefulShutdownTimeout"),
        (options { $0.name = "a b" }, "'a b'"),
    ]

    @Test(arguments: wrong)
    func `an option that cannot be is refused with its name and what is right`(
        options: DeploymentOptions,
        message: String
    ) {
        let error = #expect(throws: ServeError.self) { try options.validate(deployment: "Model") }
        #expect(error?.code == .invalidOptions)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("'Model'") == true)
    }

    @Test func `the defaults can be`() throws {
        try DeploymentOptions().validate(deployment: "Model")
        try Self.options { $0.gracefulShutdownTimeout = .zero }.validate(deployment: "Model")
    }

    @Test func `overrides change what they name and nothing else`() {
        let declared = DeploymentOptions("model", numReplicas: 3, maxOngoingRequests: 7)
        let overrides = DeploymentOverrides(numReplicas: 5, placement: .inProcess)
        var wanted = declared
        wanted.numReplicas = 5
        wanted.placement = .inProcess
        #expect(overrides.applied(to: declared) == wanted)
        #expect(DeploymentOverrides().applied(to: declared) == declared)
    }

    @Test(arguments: ["", "a/b", "a b", String(repeating: "x", count: 201)])
    func `names that cannot be`(name: String) {
        #expect(NameRule.problem(with: name) != nil)
    }

    @Test(arguments: ["a", "Größe-1.a_b", String(repeating: "x", count: 200)])
    func `names that can be`(name: String) {
        #expect(NameRule.problem(with: name) == nil)
    }
}
