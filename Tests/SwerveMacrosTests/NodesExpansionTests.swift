import Testing

/// What `@Deployment` makes of methods for graphs.
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
                    "func scale<GraphInput: C>(_ image: GraphNode<GraphInput, Image>, "
                        + "by factor: GraphNode<GraphInput, Double> = .constant(8), "
                        + "in mode: GraphNode<GraphInput, Mode> = .constant(.fast)) -> GraphNode<GraphInput, Image> {",
                    "._call(deployment, \"scale(_:by:in:)\", [image, factor, mode])",
                ]
        )
    }

    @Test func `documentation is repeated`() {
        #expect(nodes("/// Says it.\ndistributed func say() -> String { \"\" }").first == "/// Says it.")
    }

    @Test func `Self is the actor, not the nodes`() {
        #expect(
            nodes("distributed func next(_ other: Self, _ map: [String: Self.Part]) -> Self { other }").first
                == "func next<GraphInput: C>(_ other: GraphNode<GraphInput, Model>, "
                + "_ map: GraphNode<GraphInput, [String: Model.Part]>) -> GraphNode<GraphInput, Model> {"
        )
    }

    @Test func `a default value that speaks of the actor is left out`() {
        #expect(
            nodes("distributed func run(_ size: Int = Self.size) -> Int { size }").first
                == "func run<GraphInput: C>(_ size: GraphNode<GraphInput, Int>) -> GraphNode<GraphInput, Int> {"
        )
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
    func `methods that cannot be nodes are none`(_ members: String) {
        #expect(nodes(members) == [])
    }

    @Test(arguments: ["let nodes: Int = 1", "func nodes() {}", "struct Nodes {}"])
    func `an actor that has such a member keeps it`(_ member: String) {
        #expect(nodes("\(member)\ndistributed func run() -> Int { 1 }").filter { $0.contains("_call") } == [])
    }
}
