import Testing

/// The `nodes` that `@Deployment` generates from an actor's methods.
@Suite struct NodesExpansionTests {
    /// The lines of the expansion that belong to `Nodes`.
    private func nodes(_ members: String, actor: String = "distributed actor Model") -> [String] {
        let lines = expanded("@Deployment\n\(actor) {\n\(members)\n}").split(separator: "\n").map {
            String($0.drop { $0 == " " })
        }
        guard let start = lines.firstIndex(where: { $0.contains("struct Nodes") }) else { return [] }
        return lines[start...].filter { $0.contains("func ") || $0.contains("._call") || $0.contains("///") }
            .map { $0.replacing("Swift.Codable & Swift.Sendable", with: "C").replacing("SwerveGraph.", with: "") }
    }

    @Test func `parameters become nodes, with their labels and default values`() {
        #expect(
            nodes(
                "distributed func scale(_ image: Image, by factor: Double = 8, `in` mode: Mode = .fast) -> Image { image }"
            )
                == [
                    "func scale<_GraphInput: C>(_ image: GraphNode<_GraphInput, Image>, "
                        + "by factor: GraphNode<_GraphInput, Double> = .constant(8), "
                        + "in mode: GraphNode<_GraphInput, Mode> = .constant(.fast)) -> GraphNode<_GraphInput, Image> {",
                    "._call(self._deployment, \"scale(_:by:in:)\", [image, factor, mode])",
                ]
        )
    }

    @Test func `documentation is repeated`() {
        #expect(nodes("/// Says it.\ndistributed func say() -> String { \"\" }").first == "/// Says it.")
    }

    @Test func `Self means the actor, not its nodes`() {
        #expect(
            nodes("distributed func next(_ other: Self, _ map: [String: Self.Part]) -> Self { other }").first
                == "func next<_GraphInput: C>(_ other: GraphNode<_GraphInput, Model>, "
                + "_ map: GraphNode<_GraphInput, [String: Model.Part]>) -> GraphNode<_GraphInput, Model> {"
        )
    }

    @Test(arguments: ["Self.size", ".random(in: 0...9)", "Int.max - 1", "now()", ".now", "\"\\(size)\".count"])
    func `a default value that may differ between calls is left out`(_ value: String) {
        #expect(
            nodes("distributed func run(_ size: Int = \(value)) -> Int { size }").first
                == "func run<_GraphInput: C>(_ size: GraphNode<_GraphInput, Int>) -> GraphNode<_GraphInput, Int> {"
        )
    }

    @Test(arguments: ["8", "-1", "\"myself\"", ".fast", "[1, -2]", "[:]", "nil", "[\"a\": .b]"])
    func `literals and cases stay default values`(_ value: String) {
        #expect(
            nodes("distributed func run(_ x: X = \(value)) -> Int { 1 }").first?.contains("= .constant(\(value))")
                == true
        )
    }

    @Test func `names of parameters and types do not clash with generated ones`() {
        let lines = nodes("distributed func status(deployment: String, x: GraphInput) -> String { deployment }")
        #expect(lines.first?.contains("x: GraphNode<_GraphInput, GraphInput>") == true)
        #expect(lines.last == "._call(self._deployment, \"status(deployment:x:)\", [deployment, x])")
        #expect(nodes("distributed func set(_ nodes: Nodes) -> Int { 1 }") == [])
    }

    @Test func `methods of a public actor keep their own access`() {
        let lines = nodes(
            "public distributed func a() -> Int { 1 }\ndistributed func b() -> Int { 1 }",
            actor: "public distributed actor Model"
        )
        #expect(lines.map { $0.prefix { $0 != "<" } }.filter { $0.contains("func") } == ["public func a", "func b"])
    }

    @Test(arguments: [
        "distributed func run() {}",
        "distributed func run<Value: Codable & Sendable>(_ value: Value) -> Value { value }",
        "private distributed func run() -> Int { 1 }",
        "func run() -> Int { 1 }",
        "distributed func over(_ value: Int) -> Int { 1 }\ndistributed func over(_ value: String) -> Int { 1 }",
    ])
    func `methods that cannot be nodes are left out`(_ members: String) {
        #expect(nodes(members) == [])
    }

    @Test(arguments: ["let nodes: Int = 1", "func nodes() {}", "struct Nodes {}"])
    func `an actor that declares nodes itself keeps them`(_ member: String) {
        #expect(nodes("\(member)\ndistributed func run() -> Int { 1 }").filter { $0.contains("_call") } == [])
    }
}
