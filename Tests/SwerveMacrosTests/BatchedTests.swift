import Testing

/// What `@Batched` generates, and its messages for wrong code.
@Suite struct BatchedTests {
    /// The lines of the expansion that contain `text`.
    private func lines(_ text: String, of members: String, attribute: String = "@Deployment") -> [String] {
        expanded("\(attribute)\ndistributed actor Model {\n\(members)\n}").split(separator: "\n")
            .map { String($0.drop { $0 == " " }) }.filter { $0.contains(text) }
    }

    private func problems(_ members: String, actor: String = "@Deployment distributed actor Model") -> [String] {
        Diagnosed("\(actor) { distributed func other() {}\n@Batched \(members) }").messages
    }

    @Test(arguments: [
        ("func run(batch images: [Image]) -> [Map]", "distributed func run(_ item: Image) async throws -> Map {"),
        (
            "public func run(batch: Array<Image>, by factor: Int = 1) async throws -> Array<Map?>",
            "public distributed func run(_ item: Image, by factor: Int = 1) async throws -> Map? {"
        ),
        (
            "func run(_ item: Key, batch all: [A.B]) throws -> [Result<Map, any Error>]",
            "distributed func run(_ item: Key, _ item_: A.B) async throws -> Map {"
        ),
        (
            "func run(batch: consuming [[Int]]) -> [Swift.Result<[Int], any Error>]",
            "distributed func run(_ item: [Int]) async throws -> [Int] {"
        ),
    ])
    func theMethodForManyGetsAMethodForOne(written: String, generated: String) {
        #expect(lines("distributed func", of: "@Batched \(written) { [] }") == [generated])
    }

    @Test func theGeneratedMethodIsCalledLikeAnyOther() {
        let batched =
            "/// Runs.\n@Batched(maxBatchSize: 4) func run(batch all: [Int], by b: Int) throws -> [Int] { all }"
        #expect(lines("DeploymentMethod(", of: batched) == ["SwerveActors.DeploymentMethod(\"run(_:by:)\") {"])
        #expect(lines("._call(", of: batched) == ["._call(self._deployment, \"run(_:by:)\", [item, b])"])
        #expect(lines("/// Runs.", of: batched).count == 3)
        #expect(lines("actor.run(batch", of: batched) == ["try actor.run(batch: items, by: b)"])
        #expect(
            lines("BatchedMethod(", of: batched)
                == ["SwerveCore.BatchedMethod(\"run(batch:by:)\", SwerveCore.BatchOptions(maxBatchSize: 4)),"]
        )
        #expect(lines("runBatching", of: batched) == ["var runBatching: SwerveActors.BatchControl {"])
    }

    @Test func theSizeIsNoOption() {
        let batched = "@Batched(maxTotalSize: 9, size: \\.count) func run(batch all: [[Int]]) -> [Int] { [] }"
        #expect(lines("BatchedMethod(", of: batched).first?.contains("BatchOptions(maxTotalSize: 9)") == true)
        #expect(lines("key:", of: batched) == ["key: SwerveActors.BatchKey(), size: \\.count"])
    }

    @Test func roomIsMadeUnlessTheLimitIsGiven() {
        let batched = "@Batched func run(batch all: [Int]) -> [Int] { all }"
        #expect(
            lines("DeploymentOptions(", of: batched)
                == ["SwerveCore.DeploymentOptions()._withRoom(for: _batchedMethods)"]
        )
        #expect(
            lines("DeploymentOptions(", of: batched, attribute: "@Deployment(maxOngoingRequests: 8)")
                == ["SwerveCore.DeploymentOptions(maxOngoingRequests: 8)"]
        )
    }

    // MARK: Diagnostics

    @Test(arguments: [
        (
            "func run(_ images: [Image]) -> [Map] { [] }",
            "@Batched needs one parameter labelled 'batch' that takes the items: write "
                + "'func run(batch items: [Image])'"
        ),
        (
            "func run() -> [Map] { [] }",
            "@Batched needs one parameter labelled 'batch' that takes the items: write 'func run(batch items: [Item])'"
        ),
        (
            "func run(batch image: Image) -> [Map] { [] }",
            "'batch' takes the items of many calls, so its type is an array: write '[Image]'"
        ),
        (
            "func run(batch images: Image...) -> [Map] { [] }",
            "'batch' takes the items of many calls, so its type is an array: write '[Image]'"
        ),
        (
            "func run(batch images: [Image]) -> Map { Map() }",
            "a batched method returns one result for each item, in the same order: write '-> [Map]'"
        ),
        (
            "func run(batch images: [Image]) {}",
            "a batched method returns one result for each item, in the same order: write '-> [Output]'"
        ),
        (
            "distributed func run(batch images: [Image]) -> [Map] { [] }",
            "@Batched generates the distributed method 'run': remove 'distributed' here"
        ),
        ("static func run(batch images: [Image]) -> [Map] { [] }", "a batch runs on the actor: remove 'static'"),
        (
            "nonisolated func run(batch images: [Image]) -> [Map] { [] }",
            "a batch runs on the actor: remove 'nonisolated'"
        ),
        (
            "private func run(batch images: [Image]) -> [Map] { [] }",
            "the generated distributed method has the same access, so nothing could call it: remove 'private'"
        ),
        (
            "func run<Image>(batch images: [Image]) -> [Int] { [] }",
            "a batched method cannot be generic: move the type parameters to the actor"
        ),
        (
            "func run(batch images: [Image], by factors: Int...) -> [Map] { [] }",
            "'factors' is variadic: take an array"
        ),
        (
            "func run(batch images: [(Int, Int)]) -> [Map] { [] }",
            "'images' is a tuple, which cannot be sent: use a struct or separate parameters"
        ),
    ])
    func anotherSignatureIsExplained(method: String, message: String) {
        #expect(problems(method) == ["error: \(message)"])
    }

    @Test func itGoesOnAMethodOfADeployment() {
        let method = "func run(batch all: [Int]) -> [Int] { all }"
        let message =
            "error: @Batched goes on a method of a '@Deployment distributed actor', because replicas collect the calls"
        #expect(problems(method, actor: "distributed actor Model") == [message])
        #expect(Diagnosed("@Batched \(method)").messages == [message])
        #expect(
            Diagnosed("extension Model { @Batched \(method) }").messages
                == [
                    "error: @Batched works only in the braces of the actor itself: move 'run' there from the extension"
                ]
        )
        #expect(
            Diagnosed("@Deployment distributed actor Model { distributed func a() {}\n@Batched var run: Int { 1 } }")
                .messages
                == ["error: @Batched goes on a method of a '@Deployment distributed actor'"]
        )
    }

    @Test func twoOfOneNameAreAnError() {
        let found = problems(
            "func run(batch all: [Int]) -> [Int] { all }\n@Batched func run(batch all: [String]) -> [Int] { [] }"
        )
        #expect(found == ["error: two batched methods are named 'run', and each gets 'runBatching': rename one"])
    }

    @Test func anActorWithABatchedMethodCanBeCalled() {
        #expect(
            Diagnosed("@Deployment distributed actor M { @Batched func run(batch a: [Int]) -> [Int] { a } }").messages
                == []
        )
    }

    @Test func literalOptionsAreChecked() {
        let found = Diagnosed(
            "@Deployment(maxOngoingRequests: 8) distributed actor M { @Batched(maxBatchSize: 0) func run(batch a: [Int]) "
                + "-> [Int] { a } }"
        )
        #expect(found.messages == ["error: maxBatchSize is 0; it must be from 1 to 100000"])
    }
}
