import Swerve
import SwerveGraph
import Testing

struct Picture: Codable, Equatable {
    var width = 1
}

@Deployment
distributed actor Painter {
    distributed func paint(_ picture: Picture, with color: String = "red", twice: Bool = false) -> Picture { picture }
    distributed func isWide(_ picture: Picture) -> Bool { true }
}

@FunctionDeployment func cut(_ picture: Picture) -> Picture { picture }

@Suite struct DescriptionTests {
    private var graph: GraphNode<Picture, Picture> {
        let input = InputNode<Picture>()
        let painter = Painter.bind()
        let cut = cutDeployment.bind().nodes(input)
        let painted = painter.nodes.paint(cut, with: "say \"<hi>\"")
        let other = Painter.options(name: "other").bind().nodes.paint(cut)
        return GraphNode.if(painter.nodes.isWide(input), then: painted, else: other.fallback(to: cut))
    }

    @Test func `Mermaid shows nodes, constants and when edges are taken`() throws {
        #expect(
            try graph.graph.mermaid == """
                flowchart LR
                    n0(["input<br>Picture"])
                    n1["Painter.isWide"]
                    n2["cut"]
                    n3[/"say #quot;#lt;hi#gt;#quot;"/]
                    n4[/"false"/]
                    n5["Painter.paint"]
                    n6[/"red"/]
                    n7[/"false"/]
                    n8["other.paint"]
                    n9{"fallback"}
                    n10{"if"}
                    n0 --> n1
                    n0 --> n2
                    n2 --> n5
                    n3 --> n5
                    n4 --> n5
                    n2 --> n8
                    n6 --> n8
                    n7 --> n8
                    n8 --> n9
                    n2 -. "on failure" .-> n9
                    n1 --> n10
                    n5 -. "true" .-> n10
                    n9 -. "else" .-> n10

                """
        )
    }

    @Test func `DOT escapes special characters in labels`() throws {
        let dot = try graph.graph.dot
        #expect(dot.hasPrefix("digraph graph_ {\n"))
        #expect(dot.contains(#"n3 [label="say \"<hi>\"", shape=plaintext];"#))
        #expect(dot.contains(#"n2 -> n9 [label="on failure", style=dashed, fontsize=9];"#))
    }

    @Test func `the picture of a node contains only what it is made from`() throws {
        let input = InputNode<Picture>()
        let part = cutDeployment.bind().nodes(input)
        _ = Painter.bind().nodes.paint(part)
        #expect(try part.graph.nodes.map(\.name) == ["input", "cut"])
        #expect(try part[\.width].graph.nodes.last?.name == "cut.width")
    }

    @Test func `a graph that cannot be run has no picture`() {
        let two = GraphNode<Picture, GraphTuple<Picture, Picture>>.tuple(InputNode<Picture>(), InputNode<Picture>())
        #expect(throws: ServeError.self) { try two.graph }
    }

    @Test func `latencies fall into buckets of powers of two`() {
        var node = GraphStatistics.Node(route: nil, name: "a")
        #expect(node.percentile(0.5) == 0)
        node.histogram[3] = 9
        node.histogram[10] = 1
        node.count = 10
        #expect(node.percentile(0.5) == 8)
        #expect(node.percentile(0.9) == 8)
        #expect(node.percentile(0.99) == 1024)
    }
}
