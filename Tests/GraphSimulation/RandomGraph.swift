import SwerveCore
import SwerveGraph

/// The graph for a seed, with the fate of each node when it is computed.
package struct RandomGraph: Sendable, CustomStringConvertible {
    struct Fate: Sendable {
        var fails = false
        /// For a choice: the position of its case, or `nil` when the value matches none.
        var position: Int?
        /// How long computing the node takes.
        var duration = 1
        /// For a given step: whether its value arrives only after `duration`.
        var comesLater = false
    }

    private(set) var steps: [GraphTopology.Step] = []
    private(set) var fates: [Fate] = []

    /// How often a node is a fallback or a choice, or fails, in percent.
    private let fallbacks: Int
    private let choices: Int
    private let failures: Int
    /// How far back a node's sources can be.
    private let reach: Int
    private let spreadOfDurations: Int
    /// The nodes that are sources of other nodes.
    private var used: UInt64 = 0

    package init(seed: UInt64) {
        // Without this, consecutive seeds begin alike.
        var random = SplitMix64(seed: seed)
        random = SplitMix64(seed: random.next())
        fallbacks = 5 + random.next(below: 30)
        choices = random.next(below: 15)
        failures = [0, 20, 20, 40][random.next(below: 4)]
        reach = 2 + random.next(below: 20)
        spreadOfDurations = 1 + random.next(below: 6)
        for _ in 0..<1 + random.next(below: 36) { add(&random) }
        // Many failures on the way to the result. Each may need nodes again that the one before made unnecessary.
        for _ in 0..<random.next(below: 12) {
            append(.fallback(steps.count - 1, random.next(below: steps.count)), Fate())
        }
    }

    private mutating func add(_ random: inout SplitMix64) {
        var fate = Fate(duration: 1 + random.next(below: 1 << (1 + random.next(below: spreadOfDurations))))
        let step: GraphTopology.Step
        // The first node has no possible sources.
        switch steps.isEmpty ? 0 : random.next(below: 100) {
        case ..<6:
            step = .given
            fate.comesLater = random.next(below: 3) == 0
        case ..<(6 + choices):
            let cases = (0..<1 + random.next(below: 3)).map { _ in pick(&random) }
            let otherwise = random.next(below: 2) == 0 ? pick(&random) : nil
            step = .choice(of: pick(&random), cases, otherwise: otherwise)
            fate.position = random.next(below: 4) == 0 ? nil : random.next(below: cases.count)
            fate.fails = random.next(below: 300) < failures
        case ..<(6 + choices + fallbacks): step = .fallback(pick(&random), pick(&random))
        default:
            step = .compute((0..<[0, 1, 1, 2, 2, 2, 2, 3][random.next(below: 8)]).map { _ in pick(&random) })
            fate.fails = random.next(below: 100) < failures
        }
        append(step, fate)
    }

    private mutating func append(_ step: GraphTopology.Step, _ fate: Fate) {
        steps.append(step)
        fates.append(fate)
    }

    /// Picks a source for another node. Half of the time this is one that has no consumer yet, so that the result needs
    /// most nodes.
    private mutating func pick(_ random: inout SplitMix64) -> Int {
        var node = steps.count - 1 - random.next(below: min(reach, steps.count))
        if random.next(below: 2) == 0 {
            node = steps.indices.last { used & (1 << UInt64($0)) == 0 } ?? node
        }
        used |= 1 << UInt64(node)
        return node
    }

    package var description: String {
        steps.indices.map { node in
            let fate = fates[node]
            var line = "  \(node) = \(Self.text(steps[node]))"
            switch steps[node] {
            case .given: line += fate.comesLater ? ", arrives at \(fate.duration)" : ""
            case .compute: line += ", takes \(fate.duration)"
            case .choice:
                line += ", takes \(fate.duration), "
                line += fate.position.map { "chooses case \($0)" } ?? "matches no case"
            case .fallback: break
            }
            return line + (fate.fails ? ", fails" : "")
        }.joined(separator: "\n")
    }

    private static func text(_ step: GraphTopology.Step) -> String {
        switch step {
        case .given: "given"
        case .compute(let sources): "compute(\(sources.map(String.init).joined(separator: ", ")))"
        case .choice(let decider, let cases, let otherwise):
            "choice(of: \(decider), \(cases), otherwise: \(otherwise.map(String.init) ?? "none"))"
        case .fallback(let first, let second): "fallback(\(first), \(second))"
        }
    }
}
