import Foundation
import SwerveMacros
import Testing

/// Runs the code that the macros generate.
@Suite struct UsageTests {
    /// Does what a replica does with the arguments that `bind` took: decodes them from bytes.
    private func replica<Model: Deployment>(
        of type: Model.Type,
        _ arguments: Model.InitArguments
    ) async throws -> Model {
        let bytes = try JSONEncoder().encode(arguments)
        let decoded = try JSONDecoder().decode(Model.InitArguments.self, from: bytes)
        return try await Model._make(decoded, actorSystem: .ofNewActor)
    }

    @Test func bindReturnsAReferenceOfTheActorsOwnType() {
        let loader: Loader = Loader.bind(modelName: "a")
        let composed: Memberwise = Memberwise.bind(loader: loader, count: 1, class: "", in: [:], note: nil, observed: 0)
        let generic: Outer<Brightness> = Outer.bind(inner: Brightness.bind())
        let function: sharpenDeployment = sharpenDeployment.bind()
        #expect(composed.id != generic.id || function.id != loader.id)
    }

    @Test func theSameBindTwiceIsTwoDeployments() {
        #expect(Empty.bind().id != Empty.bind().id)
    }

    @Test func everyInitialiserHasABind() {
        _ = WithSystem.bind(factor: 2)
        _ = Loader.bind(modelName: "a")
        _ = Loader.bind(modelName: "a", threshold: 1)
        _ = [Many.bind(1), Many.bind(in: "a", for: 2), Many.bind(in: "a", for: 2, switch: false)]
        _ = [Many.bind(optional: nil, list: [1]), Many.bind(doubled: 1), Many.bind(same: 1), Many.bind(own: 1)]
        _ = [Store.bind("text")]
        _ = [Store.bind(1)]
        _ = Models.Nested.bind()
        _ = Clash.Model.bind(value: 1)
        _ = [Open.bind(value: 1), Open.bind(hidden: Internal(value: 1)), Open.bind(inPackage: 1)]
        _ = OpenMemberwise.bind(value: Internal(value: 1))
        _ = InPackage.bind(value: 1)
        _ = Space.Implicit.bind()
        _ = Conditional.bind(right: 1)
        _ = Explicit.bind()
        _ = Wrapped.bind()
    }

    @Test func theAttributesArgumentsAreTheOptions() {
        let options = WithSystem._deploymentOptions
        #expect(options.numReplicas == 2)
        #expect(options.maxOngoingRequests == 7)
        #expect(options.resources == Resources(cpus: 2, gpus: 0.3))
        #expect(options.rollout == .rolling(maxSurge: 1, maxUnavailable: .percent(50)))
        #expect(options.name == nil)
        #expect(Loader._deploymentOptions.name == "loader")
        #expect(Loader._deploymentOptions.maxOngoingRequests == 3)
        #expect(Models.Nested._deploymentOptions.routing == .roundRobin)
        #expect(Empty._deploymentOptions == DeploymentOptions())
        #expect(sharpenDeployment._deploymentOptions.numReplicas == 3)
        #expect(repeatDeployment._deploymentOptions.name == "named")
    }

    @Test func initialisersRunInTheReplica() async throws {
        #expect(try await replica(of: WithSystem.self, .init0(factor: 3)).scale(5) == 15)
        let loader = try await replica(of: Loader.self, .init0(modelName: "m", threshold: 0.25))
        #expect(try await loader.describe() == "m@0.25")
        #expect(try await loader.name == "m@0.25")
        await #expect(throws: ServeError.self) {
            try await replica(of: Loader.self, .init0(modelName: "", threshold: 0))
        }
        #expect(try await replica(of: Wrapped.self, .init0).get() == 4)
        #expect(try await replica(of: Empty.self, .init0).ping() == "pong")
        #expect(try await replica(of: Store<String>.self, .init0(value: "x")).get() == "x")
        #expect(try await replica(of: Models.Nested.self, .init0(settings: .init(depth: 9))).depth() == 9)
        #expect(try await replica(of: Conditional.self, .init0(right: 6)).get() == 6)
    }

    @Test func eachOfManyInitialisersIsCalled() async throws {
        let cases: [(Many.InitArguments, String)] = [
            (.init0(number: 4), "number 4"),
            (.init1(class: "c", argument1: 0, switch: false), "c false"),
            (.init2(optional: nil, list: [1]), "0 [1]"),
            (.init3(doubled: 4), "doubled 8"),
            (.init4(same: 1), "with system"),
            (.init5(delegating: 1), "number 2"),
            (.init6(own: 1), "own"),
        ]
        for (arguments, expected) in cases {
            #expect(try await replica(of: Many.self, arguments).value() == expected)
        }
    }

    @Test func lessVisibleInitialisersOfAPublicActorWork() async throws {
        let hidden = Open.InitArguments(call: .init1(hidden: Internal(value: 5)))
        #expect(try await replica(of: Open.self, hidden).get() == 5)
        let memberwise = OpenMemberwise.InitArguments(call: .init0(value: Internal(value: 6)))
        #expect(try await replica(of: OpenMemberwise.self, memberwise).get() == 6)
    }

    @Test func aDeploymentIsGivenToAnother() async throws {
        let loader = try await replica(of: Loader.self, .init0(modelName: "m", threshold: 1))
        let arguments = Memberwise.InitArguments.init0(
            loader: loader,
            count: 1,
            class: "ab",
            in: ["x": nil],
            note: "n",
            observed: 0
        )
        let memberwise = try await Memberwise._make(arguments, actorSystem: .ofNewActor)
        #expect(try await memberwise.sum() == 10)
        #expect(try await memberwise.ask() == "m@1.0")
        let brightness = try await Brightness._make(.init0, actorSystem: .ofNewActor)
        let outer = try await Outer<Brightness>._make(.init0(inner: brightness), actorSystem: .ofNewActor)
        #expect(try await outer.run(Image()) == 7)
    }

    @Test func functionsAreDeployments() async throws {
        let sharpener = try await replica(of: sharpenDeployment.self, .init0)
        #expect(try await sharpener(Image(), by: 2) == Image(pixels: [2, 4, 6]))
        #expect(try await sharpener(Image()) == Image(pixels: [8, 16, 24]))
        #expect(try await replica(of: openFunctionDeployment.self, .init0)(scale: 3, in: 4) == 12)
        let thrower = try await replica(of: repeatDeployment.self, .init0)
        await #expect(throws: ServeError.self) { try await thrower() }
        try await replica(of: onMainDeployment.self, .init0)(1)
        #expect(try await replica(of: Models.negateDeployment.self, .init0)(3) == -3)
    }

    @Test func theTableHasTheMethodsThatANameTellsApart() {
        #expect(Loader._deploymentMethods.map(\.name) == ["describe()", "reset()", "fail()"])
        #expect(Many._deploymentMethods.map(\.name) == ["value()", "default(in:_:)"])
        #expect(sharpenDeployment._deploymentMethods.map(\.name) == ["callAsFunction(_:by:)"])
        #expect(Store<Int>._deploymentMethods.map(\.name) == ["get()"])
        #expect(Available._deploymentMethods.isEmpty)
    }
}
