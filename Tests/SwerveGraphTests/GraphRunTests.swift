import GraphSimulation
import SwerveGraph
import Testing

private struct Broken: Error, Equatable {
    var node: Int
}

/// Drives a run by hand. Values are texts that show what they are made from.
private struct Bench {
    var run: GraphRun<String>
    /// Every node that was taken as ready, in order.
    var named: [Int] = []

    init(_ steps: [GraphTopology.Step]) {
        run = GraphRun(GraphTopology(steps)) { "v\($0)" }
        note()
    }

    mutating func note() { named += run.takeReady() }

    mutating func finish(_ node: Int) -> [Int] {
        let inputs = run.takeInputs(of: node)
        run.finished(node, "\(node)(\(inputs.joined(separator: ",")))")
        return ready()
    }
    mutating func fail(_ node: Int) -> [Int] {
        _ = run.takeInputs(of: node)
        run.failed(node, Broken(node: node))
        return ready()
    }
    mutating func choose(_ node: Int, _ position: Int?) -> [Int] {
        _ = run.takeInputs(of: node)
        let isChosen = run.chose(node, position)
        #expect(isChosen)
        return ready()
    }
    private mutating func ready() -> [Int] {
        #expect(!run.isStalled)
        if run.isStalled { return [] }
        let ready = run.takeReady()
        named += ready
        return ready
    }
    var value: String? { try? run.outcome?.get() }
    var failure: Broken? {
        guard case .failure(let error)? = run.outcome else { return nil }
        return error as? Broken
    }
}

@Suite struct GraphRunTests {
    @Test func `a chain is computed from its beginning to its end`() {
        var bench = Bench([.given, .compute([0]), .compute([1])])
        #expect(bench.named == [1])
        let ready1 = bench.finish(1)
        #expect(ready1 == [2])
        #expect(bench.value == nil)
        let ready2 = bench.finish(2)
        #expect(ready2 == [])
        #expect(bench.value == "2(1(v0))")
    }

    @Test func `independent nodes are ready at once`() {
        var bench = Bench([.given, .compute([0]), .compute([0]), .compute([0]), .compute([1, 2, 3])])
        #expect(bench.named == [1, 2, 3])
        let ready3 = bench.finish(3)
        #expect(ready3 == [])
        let ready4 = bench.finish(1)
        #expect(ready4 == [])
        let ready5 = bench.finish(2)
        #expect(ready5 == [4])
        _ = bench.finish(4)
        #expect(bench.value == "4(1(v0),2(v0),3(v0))")
    }

    @Test func `a node with two consumers is computed once`() {
        var bench = Bench([.given, .compute([0]), .compute([1]), .compute([1, 1]), .compute([2, 3])])
        let ready6 = bench.finish(1)
        #expect(ready6 == [2, 3])
        _ = bench.finish(2)
        _ = bench.finish(3)
        _ = bench.finish(4)
        #expect(bench.value == "4(2(1(v0)),3(1(v0),1(v0)))")
        #expect(bench.named == [1, 2, 3, 4])
    }

    @Test func `a graph that is only an input has its result at once`() {
        #expect(Bench([.given]).value == "v0")
    }

    @Test func `only the chosen branch is computed`() {
        // 1 decides between 2 and 4, which is made from 3.
        let steps: [GraphTopology.Step] = [
            .given, .compute([0]), .compute([0]), .compute([0]), .compute([3]),
            .choice(of: 1, [2], otherwise: 4),
        ]
        var first = Bench(steps)
        #expect(first.named == [1])
        let ready7 = first.finish(1)
        #expect(ready7 == [5])
        let ready8 = first.choose(5, 0)
        #expect(ready8 == [2])
        _ = first.finish(2)
        #expect(first.value == "2(v0)")

        var second = Bench(steps)
        _ = second.finish(1)
        let ready9 = second.choose(5, nil)
        #expect(ready9 == [3])
        let ready10 = second.finish(3)
        #expect(ready10 == [4])
        _ = second.finish(4)
        #expect(second.value == "4(3(v0))")
    }

    @Test func `a branch that another node also needs is computed once, in either order`() {
        let steps: [GraphTopology.Step] = [
            .given, .compute([0]), .compute([0]), .choice(of: 1, [2], otherwise: 0), .compute([2, 3]),
        ]
        var early = Bench(steps)
        #expect(early.named == [1, 2])
        _ = early.finish(2)
        let ready11 = early.finish(1)
        #expect(ready11 == [3])
        let ready12 = early.choose(3, 0)
        #expect(ready12 == [4])
        _ = early.finish(4)
        #expect(early.value == "4(2(v0),2(v0))")

        var late = Bench(steps)
        _ = late.finish(1)
        let ready13 = late.choose(3, 0)
        #expect(ready13 == [])
        let ready14 = late.finish(2)
        #expect(ready14 == [4])
    }

    @Test func `a choice without a matching branch reports it`() {
        var bench = Bench([.given, .compute([0]), .choice(of: 1, [0], otherwise: nil)])
        _ = bench.finish(1)
        _ = bench.run.takeInputs(of: 2)
        let isChosen = bench.run.chose(2, nil)
        #expect(!isChosen)
        bench.run.failed(2, Broken(node: 2))
        #expect(bench.failure == Broken(node: 2))
    }

    @Test func `a failed node fails the request with its error`() {
        var bench = Bench([.given, .compute([0]), .compute([1]), .compute([0]), .compute([2, 3])])
        let ready15 = bench.fail(1)
        #expect(ready15 == [])
        #expect(bench.failure == Broken(node: 1))
        let ready16 = bench.finish(3)
        #expect(ready16 == [])
        #expect(bench.failure == Broken(node: 1))
    }

    @Test func `a fallback is computed only after a failure`() {
        let steps: [GraphTopology.Step] = [
            .given, .compute([0]), .compute([1]), .compute([0]), .fallback(2, 3), .compute([4]),
        ]
        var good = Bench(steps)
        #expect(good.named == [1])
        _ = good.finish(1)
        let ready17 = good.finish(2)
        #expect(ready17 == [5])
        _ = good.finish(5)
        #expect(good.value == "5(2(1(v0)))")

        var bad = Bench(steps)
        let ready18 = bad.fail(1)
        #expect(ready18 == [3])
        let ready19 = bad.finish(3)
        #expect(ready19 == [5])
        _ = bad.finish(5)
        #expect(bad.value == "5(3(v0))")
    }

    @Test func `after a failure nothing unnecessary begins`() {
        // 4 needs 1, which fails, and 3, which waits for the slow 2.
        let steps: [GraphTopology.Step] = [
            .given, .compute([0]), .compute([0]), .compute([2]), .compute([1, 3]), .compute([0]), .fallback(4, 5),
        ]
        var bench = Bench(steps)
        #expect(bench.named == [1, 2])
        let afterFailure = bench.fail(1)
        #expect(afterFailure == [5])
        let afterSlow = bench.finish(2)
        #expect(afterSlow == [])
        _ = bench.finish(5)
        #expect(bench.value == "5(v0)")
    }

    @Test func `a branch may need a node again that a failure made unnecessary`() {
        let steps: [GraphTopology.Step] = [
            .given, .compute([0]), .compute([0]), .compute([2]), .compute([1, 3]), .compute([0]),
            .compute([5, 3]), .choice(of: 5, [6], otherwise: nil), .fallback(4, 7),
        ]
        var bench = Bench(steps)
        let afterFailure = bench.fail(1)
        #expect(afterFailure == [5])
        let afterSlow = bench.finish(2)
        #expect(afterSlow == [])
        let afterDecision = bench.finish(5)
        #expect(afterDecision == [7])
        let chosen = bench.choose(7, 0)
        #expect(chosen == [3])
        let last = bench.finish(3)
        #expect(last == [6])
        _ = bench.finish(6)
        #expect(bench.value == "6(5(v0),3(2(v0)))")
    }

    @Test func `a branch that nothing needs for a while continues when a later fallback picks it`() {
        // 2 is slow; 3 is made from it, and 4 from 3. 6 is made from 4 and 5, which fails; then 7 fails; then 4 is
        // needed.
        let steps: [GraphTopology.Step] = [
            .given, .given, .compute([0]), .compute([2]), .compute([3]), .compute([1]), .compute([4, 5]), .compute([1]),
            .fallback(6, 7), .fallback(8, 4),
        ]
        var bench = Bench(steps)
        #expect(bench.named == [2, 5])
        let afterFirstFailure = bench.fail(5)
        #expect(afterFirstFailure == [7])
        let afterSlow = bench.finish(2)
        #expect(afterSlow == [])
        let afterSecondFailure = bench.fail(7)
        #expect(afterSecondFailure == [3])
        let rest = bench.finish(3)
        #expect(rest == [4])
        _ = bench.finish(4)
        #expect(bench.value == "4(3(2(v0)))")
    }

    @Test func `a node does not begin if the failure that makes it ready also makes it unnecessary`() {
        // 3 falls back to 2, but 4 needs 1 as well.
        var bench = Bench([.given, .compute([0]), .compute([0]), .fallback(1, 2), .compute([1, 3])])
        let ready = bench.fail(1)
        #expect(ready == [])
        #expect(bench.failure == Broken(node: 1))
    }

    @Test func `a ready node that was not taken is withdrawn when a failure makes it unnecessary`() {
        var bench = Bench([
            .given, .compute([0]), .compute([0]), .compute([2]), .compute([1, 3]), .compute([0]), .fallback(4, 5),
        ])
        _ = bench.run.takeInputs(of: 2)
        bench.run.finished(2, "2")
        let ready = bench.fail(1)
        #expect(ready == [5])
    }

    @Test func `if several sources of a node fail, the first failure counts, needed or not`() {
        // 5 is made from 1 and 2, which fail while only 3 and 4 need them.
        let steps: [GraphTopology.Step] = [
            .given, .compute([0]), .compute([0]), .fallback(1, 0), .fallback(2, 0), .compute([1, 2]), .compute([3, 4]),
            .choice(of: 6, [5], otherwise: nil),
        ]
        var bench = Bench(steps)
        _ = bench.fail(2)
        let both = bench.fail(1)
        #expect(both == [6])
        let decided = bench.finish(6)
        #expect(decided == [7])
        _ = bench.choose(7, 0)
        #expect(bench.failure == Broken(node: 2))
    }

    @Test func `nothing is ready before the input of the request is given`() {
        var run = GraphRun<String>(GraphTopology([.given, .given, .compute([0, 1])])) { $0 == 0 ? "v0" : nil }
        #expect(run.takeReady() == [])
        run.finished(1, "input")
        #expect(run.takeReady() == [2])
        #expect(run.takeInputs(of: 2) == ["v0", "input"])
    }

    @Test func `an ended run has no more ready nodes and keeps its error`() {
        var bench = Bench([.given, .compute([0]), .compute([0]), .compute([1, 2])])
        bench.run.end(with: Broken(node: 7))
        let ready = bench.finish(1)
        #expect(ready == [])
        _ = bench.fail(2)
        #expect(bench.failure == Broken(node: 7))
    }

    @Test func `if a node and its fallback both fail, the last failure counts`() {
        var bench = Bench([.given, .compute([0]), .compute([0]), .fallback(1, 2)])
        _ = bench.fail(1)
        _ = bench.fail(2)
        #expect(bench.failure == Broken(node: 2))
    }

    @Test func `a fallback that is already computed for another node is taken at once`() {
        var bench = Bench([.given, .compute([0]), .compute([0]), .fallback(1, 2), .compute([2, 3])])
        _ = bench.finish(2)
        let ready20 = bench.fail(1)
        #expect(ready20 == [4])
    }

    @Test func `a value is released with its last use`() {
        final class Token: Sendable {}
        var run = GraphRun(GraphTopology([.given, .compute([0]), .compute([1]), .compute([2])])) { _ in Token() }
        _ = run.takeReady()
        _ = run.takeInputs(of: 1)
        weak var first: Token?
        do {
            let token = Token()
            first = token
            run.finished(1, token)
        }
        #expect(first != nil)
        _ = run.takeReady()
        _ = run.takeInputs(of: 2)
        #expect(first == nil)
    }

    // MARK: Random graphs

    @Test(arguments: SeedRange.fromEnvironment(count: 5000).parts(of: 250))
    func `random graphs return what their definitions say, and compute each needed node at once and only once`(
        _ seeds: Range<UInt64>
    ) throws {
        var summary = GraphSimulation.Summary()
        for seed in seeds { try GraphSimulation.run(seed: seed, summary: &summary) }
    }
}
