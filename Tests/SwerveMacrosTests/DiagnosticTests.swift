import Testing

/// The macros' messages for wrong code. Each source is as short as possible.
@Suite struct DiagnosticTests {
    @Test(arguments: [
        ("actor", "actor"), ("struct", "struct"), ("final class", "class"),
    ])
    func onlyDistributedActorsAreDeployments(introducer: String, keyword: String) {
        let found = Diagnosed("@Deployment \(introducer) Model { func run() {} }")
        #expect(found.messages == ["error: @Deployment needs a distributed actor: write 'distributed actor Model'"])
        #expect(found.places == [keyword])
        #expect(found.fixes == ["write 'distributed actor'"])
        let fixed = introducer.replacing(keyword, with: "distributed actor")
        #expect(found.fixed == "@Deployment \(fixed) Model { func run() {} }")
    }

    @Test func anEnumHasNoFix() {
        let found = Diagnosed("@Deployment enum Model {}")
        #expect(found.messages == ["error: @Deployment needs a distributed actor: write 'distributed actor Model'"])
        #expect(found.fixes.isEmpty)
    }

    @Test func protocolsAndExtensionsAreNotDeployments() {
        #expect(
            Diagnosed("@Deployment protocol Model {}").messages
                == ["error: @Deployment goes on a 'distributed actor', not on protocols"]
        )
        #expect(
            Diagnosed("@Deployment extension Model {}").messages
                == ["error: @Deployment goes on a 'distributed actor', not on extensions"]
        )
    }

    @Test(arguments: ["private", "fileprivate"])
    func aHiddenActorCannotBeFound(modifier: String) {
        let found = Diagnosed("@Deployment \(modifier) distributed actor Model { distributed func run() {} }")
        #expect(
            found.messages == [
                "error: a worker process looks 'Model' up by name and cannot find a \(modifier) declaration: "
                    + "remove '\(modifier)'"
            ]
        )
        #expect(found.fixed == "@Deployment internal distributed actor Model { distributed func run() {} }")
    }

    @Test func anActorInAHiddenTypeCannotBeFound() {
        let found = Diagnosed(
            "private enum Models { enum Inner { @Deployment distributed actor Model { distributed func run() {} } } }"
        )
        #expect(
            found.messages == [
                "error: a worker process looks 'Model' up by name and cannot find it in a private enum: move it "
                    + "out, or make the private enum internal"
            ]
        )
    }

    @Test func aLocalActorCannotBeFound() {
        let found = Diagnosed("func make() { @Deployment distributed actor Model { distributed func run() {} } }")
        #expect(
            found.messages == [
                "error: a worker process looks 'Model' up by name and cannot find a local declaration: move it out "
                    + "of the function"
            ]
        )
    }

    @Test(arguments: [
        "enum InitArguments {}", "static func _make() {}", "static let _deploymentOptions = 1",
        "static var _deploymentMethods: Int { 1 }",
    ])
    func generatedNamesAreReserved(member: String) {
        let found = Diagnosed("@Deployment distributed actor Model { \(member); distributed func run() {} }")
        #expect(found.messages.count == 1)
        #expect(found.messages[0].hasSuffix(": rename this one"))
    }

    // MARK: Methods

    @Test func aMethodThatIsNotDistributedIsPointedAt() {
        let found = Diagnosed(
            """
            @Deployment distributed actor Model {
                private func helper() {}
                /// Runs.
                public func run() {}
                func other() {}
            }
            """
        )
        #expect(
            found.messages == [
                "warning: 'Model' has no distributed method, so nothing can call it: write 'distributed func run'"
            ]
        )
        #expect(found.fixes == ["write 'distributed func'"])
        #expect(found.fixed.contains("    /// Runs.\n    public distributed func run() {}\n    func other() {}"))
    }

    @Test func theFixKeepsTheLineOfAMethodWithoutModifiers() {
        let found = Diagnosed("@Deployment distributed actor Model {\n    func run() {}\n}")
        #expect(found.fixed == "@Deployment distributed actor Model {\n    distributed func run() {}\n}")
    }

    @Test func membersInAConditionAreWarnedOfWhereNobodyTellsWhetherItHolds() {
        let found = Diagnosed(
            "@Deployment distributed actor Model {\n#if DEBUG\ninit(a: Int) {}\n#endif\ndistributed func run() {}\n}"
        )
        #expect(
            found.messages == [
                "warning: @Deployment cannot tell whether these members are compiled and leaves them out: write them "
                    + "without '#if', or build with Swift 6.3 and swift-syntax 603 or later"
            ]
        )
    }

    @Test func aDeploymentWithoutMethodsIsWarnedOf() {
        #expect(
            Diagnosed("@Deployment distributed actor Model { static func run() {} }").messages
                == ["warning: 'Model' has no distributed method, so nothing can call it: write 'distributed func'"]
        )
    }

    @Test(arguments: [
        "distributed actor Model: Ingress { func run() {} }",
        "distributed actor Model { distributed var value: Int { 1 } }",
        "distributed actor Model { distributed func run() {}; func helper() {} }",
    ])
    func noWarningWhereSomethingCanBeCalled(actor: String) {
        #expect(Diagnosed("@Deployment \(actor)").messages.isEmpty)
    }

    @Test(arguments: [
        (
            "(_ body: @Sendable () -> Void)",
            "'body' is a closure, which cannot be sent: select the behaviour with an enum"
        ),
        ("(_ pair: (Int, Int))", "'pair' is a tuple, which cannot be sent: use a struct or separate parameters"),
        (
            "(_ shapes: [any Shape])",
            "'any Shape' cannot be decoded: take a 'some Shape & Codable & Sendable' or an enum"
        ),
        ("() -> (Int, Int)", "a tuple cannot be sent back: return a struct that is Codable & Sendable"),
        ("() -> (() -> Void)?", "a closure cannot be sent back: return a value that is Codable & Sendable"),
    ])
    func typesThatCannotBeSent(signature: String, message: String) {
        let found = Diagnosed("@Deployment distributed actor Model { distributed func run\(signature) {} }")
        #expect(found.messages == ["error: \(message)"])
    }

    @Test(arguments: [
        "(_ values: Int...)", "(_ value: inout Int)", "(_ value: some Codable)", "() -> Void", "() -> (Int)",
    ])
    func whatTheCompilerExplainsIsLeftToIt(signature: String) {
        #expect(
            Diagnosed("@Deployment distributed actor Model { distributed func run\(signature) {} }").messages.isEmpty
        )
    }

    @Test(arguments: ["AsyncStream<Int>", "AsyncThrowingStream<Int, any Error>", "some AsyncSequence<Int, Never>"])
    func `a stream cannot be a result`(type: String) {
        let found = Diagnosed("@Deployment distributed actor Model { distributed func run() -> \(type) {} }")
        let way = "return the elements as an array, or stream the body of an HTTP response"
        #expect(found.messages == ["error: '\(type)' cannot be sent back: \(way)"])
        #expect(found.fixes.isEmpty)
    }

    @Test(arguments: [
        ("func checkHealth() async throws {}", true), ("func checkHealth() {}", true),
        ("private func checkHealth() async throws {}", false), ("func checkHealth() -> Bool { true }", false),
        ("func checkHealth(deep: Bool) async throws {}", false),
    ])
    func aHealthCheckThatNothingCallsIsReported(method: String, isCalled: Bool) {
        let source = "@Deployment distributed actor Model { \(method); distributed func run() {} }"
        let warning =
            "warning: this 'checkHealth' is no health check, because it is hidden or has another signature: write "
            + "'func checkHealth() async throws'"
        #expect(Diagnosed(source).messages == (isCalled ? [] : [warning]))
    }
}
