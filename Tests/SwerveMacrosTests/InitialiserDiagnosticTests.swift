import Testing

/// The macros' messages about initialisers, options and functions.
@Suite struct InitialiserDiagnosticTests {
    private static let rule =
        "the arguments of an initialiser are sent to the replicas, so they must be Codable & Sendable"

    private func messages(_ members: String) -> [String] {
        Diagnosed("@Deployment distributed actor Model { \(members); distributed func run() {} }").messages
    }

    @Test(arguments: [
        ("body: @escaping @Sendable () -> Void", "'body' is a closure; \(rule): select the behaviour with an enum"),
        ("bodies: [() -> Void]?", "'bodies' is a closure; \(rule): select the behaviour with an enum"),
        ("_ pair: (Int, Int)", "'pair' is a tuple; \(rule): use a struct or separate parameters"),
        (
            "in shape: any Shape",
            "'shape' is 'any Shape'; \(rule): write 'distributed actor Model<Value: Shape>' and take a 'Value'"
        ),
        (
            "value: some Codable",
            "'value' is generic; a replica decodes the arguments by their types: move the type parameter to the actor"
        ),
        ("value: inout Int", "'value' is 'inout', but arguments are copied: remove 'inout'"),
    ])
    func argumentsThatCannotTravel(parameter: String, message: String) {
        #expect(messages("init(\(parameter)) {}") == ["error: \(message)"])
    }

    @Test func aVariadicParameterIsFixedToAnArray() {
        let found = Diagnosed(
            "@Deployment distributed actor Model { init(_ values: Int...) {}; distributed func run() {} }"
        )
        #expect(found.messages == ["error: 'values' is variadic; \(Self.rule): take an array, '[Int]'"])
        #expect(
            found.fixed == "@Deployment distributed actor Model { init(_ values: [Int]) {}; distributed func run() {} }"
        )
    }

    @Test func aPropertyOfTheMemberwiseInitialiserIsCheckedToo() {
        #expect(
            messages("let body: @Sendable () -> Void")
                == ["error: 'body' is a closure; \(Self.rule): select the behaviour with an enum"]
        )
    }

    @Test func anInitialiserCannotBeFailable() {
        #expect(
            messages("init?(value: Int) {}")
                == ["error: a replica cannot start from 'nil': write 'init' and throw an error instead"]
        )
    }

    @Test func anInitialiserCannotBeGeneric() {
        #expect(
            messages("init<Value>(value: Value) {}") == [
                "error: a replica decodes the arguments by their types, so this initialiser cannot be generic: move "
                    + "the type parameters to the actor"
            ]
        )
    }

    @Test func someInitialiserMustBeCallable() {
        #expect(
            messages("private init() {}; @available(*, unavailable) init(value: Int) {}")
                == ["error: 'Model' has no initialiser that a replica can call: make one internal or public"]
        )
        #expect(messages("private init(body: () -> Void) {}; init() {}").isEmpty)
    }

    @Test func propertiesThatTheMemberwiseInitialiserCannotSet() {
        #expect(
            messages("let (first, second): (Int, Int)") == [
                "error: @Deployment cannot generate an initialiser for this pattern: declare each property separately"
            ]
        )
        #expect(
            messages("@Clamped var value: Int") == [
                "error: @Deployment cannot generate an initialiser for a property with an attribute: write 'init', or "
                    + "give it an initial value"
            ]
        )
        #expect(messages("@Clamped var value: Int; init() {}").isEmpty)
        #expect(messages("@Clamped var value: Int?; @Clamped var other = 1; let x = 1, y = \"a\"").isEmpty)
    }

    // MARK: Options

    private func options(_ arguments: String) -> [String] {
        Diagnosed("@Deployment(\(arguments)) distributed actor Model { distributed func run() {} }").messages
    }

    @Test(arguments: [
        ("numReplicas: -1", "numReplicas is -1; it must be from 0 to 10000"),
        ("numReplicas: 10_001", "numReplicas is 10001; it must be from 0 to 10000"),
        ("maxOngoingRequests: 0", "maxOngoingRequests is 0; it must be from 1 to 10000000"),
        ("maxOngoingRequests: 0x0", "maxOngoingRequests is 0; it must be from 1 to 10000000"),
        ("maxQueuedRequests: -5", "maxQueuedRequests is -5; it must be from 0 to 10000000"),
        ("\"\"", "the name of a deployment must have 1 to 200 bytes"),
        ("\"a b\"", "the name 'a b' may contain only letters, digits, '_', '-' and '.'"),
    ])
    func literalsOutOfRange(argument: String, message: String) {
        #expect(options(argument) == ["error: \(message)"])
    }

    @Test(arguments: [
        "numReplicas: 0, maxQueuedRequests: 0", "\"größe-1.a_b\"", "numReplicas: -count", "name, numReplicas: n",
    ])
    func goodAndComputedOptionsPass(arguments: String) {
        #expect(options(arguments).isEmpty)
    }

    // MARK: Functions

    @Test(arguments: [
        (
            "@FunctionDeployment var x = 1",
            "@FunctionDeployment goes on a function; use '@Deployment' for a distributed actor"
        ),
        (
            "struct A { @FunctionDeployment func f() {} }",
            "a deployment has no instance to call 'f' on: make it static or move it out"
        ),
        (
            "@FunctionDeployment func + (a: A, b: A) {}",
            "an operator cannot be a deployment: call it from a function with a name"
        ),
        (
            "@FunctionDeployment func f<T>(_ x: T) {}",
            "a function deployment cannot be generic: write '@Deployment distributed actor' with a generic method"
        ),
        ("@FunctionDeployment func f(x: some P) {}", "'x' is generic: a function deployment needs a concrete type"),
        (
            "@FunctionDeployment func f(x: inout Int) {}",
            "'x' is 'inout', but arguments are copied: return the changed value"
        ),
        ("@FunctionDeployment func f(x: Int...) {}", "'x' is variadic: take an array, '[Int]'"),
        (
            "@FunctionDeployment func f(x: () -> Void) {}",
            "'x' is a closure, which cannot be sent: select the behaviour with an enum"
        ),
        ("@FunctionDeployment func f() -> some P {}", "a function deployment needs a concrete result type"),
        (
            "@FunctionDeployment func f() -> (Int, Int) {}",
            "a tuple cannot be sent back: return a struct that is Codable & Sendable"
        ),
        (
            "@FunctionDeployment private func f() {}",
            "a worker process looks 'f' up by name and cannot find a private declaration: remove 'private'"
        ),
        ("@FunctionDeployment(numReplicas: -1) func f() {}", "numReplicas is -1; it must be from 0 to 10000"),
    ])
    func functionsThatCannotBeDeployments(source: String, message: String) {
        #expect(Diagnosed(source).messages == ["error: \(message)"])
    }
}
