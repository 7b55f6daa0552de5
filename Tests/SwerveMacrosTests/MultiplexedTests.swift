import Testing

/// What `@Multiplexed` generates, and its messages for wrong code.
@Suite struct MultiplexedTests {
    private func lines(_ text: String, of members: String) -> [String] {
        expanded("@Deployment\ndistributed actor Server {\n\(members)\n}").split(separator: "\n")
            .map { String($0.drop { $0 == " " }) }.filter { $0.contains(text) }
    }

    private func problems(_ members: String, actor: String = "@Deployment distributed actor Server") -> [String] {
        Diagnosed("\(actor) { distributed func other() {}\n@Multiplexed \(members) }").messages
    }

    @Test("A loader gets a method for the request's model, and one for any model")
    func members() {
        let loader =
            "/// Loads.\n@Multiplexed(maxModelsPerReplica: 2, size: \\.count) public func model(load id: String) async throws "
            + "-> [Int] { [] }"
        #expect(
            lines("func model(", of: loader).dropFirst()
                == [
                    "public func model() async throws -> [Int] {",
                    "public func model(_ id: Swift.String) async throws -> [Int] {",
                ]
        )
        #expect(lines("/// Loads.", of: loader).count == 3)
        #expect(
            lines("_run(", of: loader)
                == ["nil", "id"].map {
                    "try await SwerveActors.MultiplexedCall._run(on: self, SwerveCore.MultiplexOptions(maxModelsPerReplica: 2), "
                        + "\($0), size: \\.count) { actor, id in"
                }
        )
        #expect(lines("actor.model", of: loader) == Array(repeating: "try await actor.model(load: id)", count: 2))
        #expect(lines("modelCache", of: loader) == ["public var modelCache: SwerveActors.ModelControl {"])
        #expect(lines("_multiplexing", of: loader).count == 1)
    }

    @Test(
        "A loader with another signature is explained",
        arguments: [
            (
                "func model(_ id: String) -> Int { 0 }",
                "@Multiplexed needs one parameter, which takes the model's ID: write 'func model(load id: String)'"
            ),
            (
                "func model(load id: Int) -> Int { 0 }",
                "@Multiplexed needs one parameter, which takes the model's ID: write 'func model(load id: String)'"
            ),
            ("func model(load id: String) {}", "a loader returns the model: write '-> Model'"),
            (
                "distributed func model(load id: String) -> Int { 0 }",
                "a model stays in its replica: remove 'distributed'"
            ),
            ("static func model(load id: String) -> Int { 0 }", "each replica loads its own models: remove 'static'"),
            (
                "func model<M>(load id: String) -> M? { nil }",
                "a loader cannot be generic: move the type parameters to the actor"
            ),
        ]
    )
    func anotherSignature(loader: String, message: String) {
        #expect(problems(loader) == ["error: \(message)"])
    }

    @Test("It goes on a method of a deployment")
    func place() {
        let loader = "func model(load id: String) -> Int { 0 }"
        let message =
            "error: @Multiplexed goes on a method of a '@Deployment distributed actor', because replicas keep the models"
        #expect(problems(loader, actor: "distributed actor Server") == [message])
        #expect(Diagnosed("@Multiplexed \(loader)").messages == [message])
        #expect(
            Diagnosed("extension Server { @Multiplexed \(loader) }").messages
                == [
                    "error: @Multiplexed works only in the braces of the actor itself: move 'model' there from the "
                        + "extension"
                ]
        )
    }

    @Test("An actor has one loader")
    func two() {
        #expect(
            problems("func a(load id: String) -> Int { 0 }\n@Multiplexed func b(load id: String) -> Int { 0 }")
                == [
                    "error: a request names one model, so an actor has one loader: have 'a' load all that belongs to an ID"
                ]
        )
    }

    @Test("Literal options are checked")
    func options() {
        let actor = "@Deployment distributed actor S { distributed func other() {}"
        let found = Diagnosed("\(actor)\n@Multiplexed(maxModelsPerReplica: 0) func m(load id: String) -> Int { 0 } }")
        #expect(found.messages == ["error: maxModelsPerReplica is 0; it must be from 1 to 1000"])
    }
}
