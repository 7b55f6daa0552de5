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
        (options { $0.progressDeadline = .zero }, "progressDeadline"),
        (options { $0.healthCheckPeriod = .zero }, "healthCheckPeriod"),
        (options { $0.healthCheckTimeout = .seconds(-1) }, "healthCheckTimeout"),
        (options { $0.gracefulShutdownTimeout = .seconds(-1) }, "gracefulShutdownTimeout"),
        (options { $0.name = "a b" }, "'a b'"),
        (
            options {
                $0.directIngress = true
                $0.placement = .inProcess
            }, "directIngress needs the placement process, but the placement is inProcess"
        ),
        (
            options { $0.autoscaling = Autoscaling(minReplicas: -1) },
            "autoscaling: minReplicas is -1; it must be from 0"
        ),
        (
            options { $0.autoscaling = Autoscaling(minReplicas: 3, maxReplicas: 2) },
            "maxReplicas is 2; it must be from 3"
        ),
        (
            options { $0.autoscaling = Autoscaling(minReplicas: 0, maxReplicas: 0) },
            "maxReplicas is 0; it must be from 1"
        ),
        (
            options { $0.autoscaling = Autoscaling(initialReplicas: 9, maxReplicas: 8) },
            "initialReplicas is 9; it must be from 1 to 8"
        ),
        (options { $0.autoscaling = Autoscaling(targetOngoingRequests: 0) }, "targetOngoingRequests is 0.0"),
        (options { $0.autoscaling = Autoscaling(upscalingFactor: .nan) }, "upscalingFactor is nan"),
        (options { $0.autoscaling = Autoscaling(downscalingFactor: .infinity) }, "downscalingFactor is inf"),
        (options { $0.autoscaling = Autoscaling(downscaleDelay: .seconds(-1)) }, "downscaleDelay must not be negative"),
        (options { $0.autoscaling = Autoscaling(lookBack: .seconds(3601)) }, "lookBack must be from 0"),
        (
            options {
                $0.numReplicas = 4
                $0.autoscaling = Autoscaling()
            }, "numReplicas is 4, but minReplicas, initialReplicas and maxReplicas of autoscaling decide"
        ),
        (
            options {
                $0.numReplicas = .auto
                $0.autoscaling = Autoscaling(isDryRun: true)
            }, "autoscaling is a dry run, so numReplicas must be a number"
        ),
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

    @Test func `the later word on the number of replicas wins`() {
        let fixed = DeploymentOptions(numReplicas: 3)
        let scaled = DeploymentOptions(autoscaling: Autoscaling(minReplicas: 2))
        let own = Autoscaling(maxReplicas: 5)
        #expect(DeploymentOverrides(autoscaling: own).applied(to: fixed) == DeploymentOptions(autoscaling: own))
        #expect(DeploymentOverrides(numReplicas: 3).applied(to: scaled) == fixed)
        #expect(DeploymentOverrides(numReplicas: .auto).applied(to: scaled).scaling == scaled.autoscaling)
        #expect(DeploymentOverrides(numReplicas: .auto).applied(to: fixed).scaling == .auto)
        let dry = Autoscaling(isDryRun: true)
        #expect(DeploymentOverrides(autoscaling: dry).applied(to: fixed).firstReplicas == 3)
    }

    @Test func `replicas in a dry run are as many as without autoscaling`() throws {
        let options = DeploymentOptions(numReplicas: 4, autoscaling: Autoscaling(isDryRun: true))
        try options.validate(deployment: "Model")
        #expect(options.firstReplicas == 4)
        #expect(options.decidingAutoscaling == nil)
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
