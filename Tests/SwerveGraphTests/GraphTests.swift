import Swerve
import Testing

@Deployment
distributed actor Adder {
    private let offset: Int
    init(offset: Int = 0) { self.offset = offset }
    distributed func add(_ a: Int, to b: Int = 10) -> Int { a + b + offset }
    distributed func sum(_ numbers: [Int]) -> Int { numbers.reduce(0, +) }
}

@FunctionDeployment func double(_ value: Int) -> Int { value * 2 }

@Suite(.serialized) struct GraphTests {
    @Test func `a chain`() async throws {
        let adder = Adder.bind(offset: 1)
        let input = InputNode<Int>()
        let doubled = doubleDeployment.bind().nodes(input)
        let result = adder.nodes.sum(.array([doubled, adder.nodes.add(doubled), 5]))
        try await Serve.start(ServeOptions(port: 0))
        let handle = try await Serve.run(GraphDriver.bind(result), name: "g")
        #expect(try await handle.predict(3) == 6 + 17 + 5)
        let status = await Serve.status()
        print(status)
        await Serve.shutdown()
    }
}
