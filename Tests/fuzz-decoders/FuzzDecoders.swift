import CFuzzWatch
import Foundation

/// Feeds damaged input to the parsers of client data and to the connections between processes. The same seed gives the
/// same input. Must be built with the address sanitizer. Exits with status 1 at the first fault, contradiction, or
/// input that takes too much memory or time, and when the memory in use has grown at the end.
@main
struct FuzzDecoders {
    static let usage = """
        usage: fuzz-decoders [--count N] [--seed N] [--only INPUT] [--targets NAMES] [--golden FOLDER]
          --count    number of inputs (default 100000)
          --seed     seed of the random numbers (default 1)
          --only     run only the input with this number, and write it to fuzz-input
          --targets  targets, separated by commas (all): \(Target.allCases.map(\.rawValue).joined(separator: ","))
          --golden   folder that dev/make-golden.py made (default .cache/golden)
        """

    private static let secondsPerInput: UInt32 = 20
    /// The most bytes that memory in use may grow after the first fifth of the inputs, during which caches fill up.
    private static let maximumGrowth: Int64 = 64 << 10

    static func main() throws {
        var options = ["--count": "100000", "--seed": "1", "--golden": ".cache/golden"]
        let known = ["--count", "--seed", "--only", "--targets", "--golden"]
        let arguments = Array(CommandLine.arguments.dropFirst())
        for i in stride(from: 0, to: arguments.count, by: 2) {
            guard i + 1 < arguments.count, known.contains(arguments[i]) else { fail(usage) }
            options[arguments[i]] = arguments[i + 1]
        }
        guard let count = options["--count"].flatMap(Int.init), let seed = options["--seed"].flatMap(UInt64.init),
            count > 0, let golden = options["--golden"]
        else { fail(usage) }
        let names = options["--targets"]?.split(separator: ",") ?? []
        let targets = Target.allCases.filter { names.isEmpty || names.contains(Substring($0.rawValue)) }
        guard names.isEmpty || targets.count == names.count else { fail(usage) }
        let seeds = try Seeds(for: targets, goldenFolder: golden)
        guard fuzz_watch_start(seed) else { fail("build with --sanitize=address") }
        let run = FuzzRun(seed: seed, seeds: seeds, targets: targets)
        if let only = options["--only"] {
            guard let index = Int(only), index >= 0 else { fail(usage) }
            return try runOnly(index, run)
        }
        runAll(count, seed, run)
    }

    private static func runOnly(_ index: Int, _ run: FuzzRun) throws {
        let (target, input) = run.input(index)
        try Data(input).write(to: URL(filePath: "fuzz-input"))
        print("input \(index): \(target), \(input.count) bytes, in fuzz-input")
        fuzz_watch_begin(UInt64(index), secondsPerInput)
        do {
            print(try target.run(input, round: index))
        } catch {
            fail("\(error.message)")
        }
    }

    private static func runAll(_ count: Int, _ seed: UInt64, _ run: FuzzRun) {
        var outcomes: [Target: [String: Int]] = [:]
        var highest: [Target: Int64] = [:]
        var left: [Target: Int64] = [:]
        var settled: Int64 = 0
        let clock = ContinuousClock()
        let start = clock.now
        var (index, done) = (0, 0)
        while done < count {
            defer { index += 1 }
            // The number of an input does not depend on the chosen targets.
            guard run.targets.contains(run.target(index)) else { continue }
            done += 1
            if done == count / 5 { settled = fuzz_watch_live() }
            // Everything made here for an input is freed before the next one.
            let (target, input) = run.input(index)
            let before = fuzz_watch_live()
            fuzz_watch_begin(UInt64(index), secondsPerInput)
            do {
                outcomes[target, default: [:]][try target.run(input, round: index), default: 0] += 1
            } catch {
                fail("input \(index), \(target): \(error.message); again: fuzz-decoders --seed \(seed) --only \(index)")
            }
            if done > count / 5 { left[target, default: 0] += fuzz_watch_live() - before }
            let taken = fuzz_watch_peak() - before
            highest[target] = max(highest[target] ?? 0, taken)
            if taken > target.maximumBytes {
                fail(
                    "input \(index), \(target): took \(taken) bytes, but the limit is \(target.maximumBytes); "
                        + "again: fuzz-decoders --seed \(seed) --only \(index)"
                )
            }
        }
        PeerTargets.removeBoard()
        let growth = fuzz_watch_live() - settled
        fuzz_watch_begin(UInt64(index), 0)
        let seconds = Int((clock.now - start) / .seconds(1))
        print("fuzz: \(count) inputs with seed \(seed) in \(seconds) s under the address sanitizer, no fault")
        for target in run.targets {
            let codes = (outcomes[target] ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let total = codes.reduce(0) { $0 + $1.value }
            let list = codes.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            let kept = left[target] ?? 0
            print("  \(target): \(total): \(list); \((highest[target] ?? 0) >> 10) KiB at most, \(kept) bytes left")
        }
        print("  memory in use grew by \(growth) bytes after the first fifth")
        guard growth <= maximumGrowth else { fail("memory leaks: the limit is \(maximumGrowth) bytes") }
    }

    private static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("fuzz: \(message)\n".utf8))
        exit(1)
    }
}

/// Makes the inputs of a run. Each depends only on the seed and its number.
struct FuzzRun {
    let seed: UInt64
    let seeds: Seeds
    let targets: [Target]

    func target(_ index: Int) -> Target {
        var random = generator(index)
        return target(using: &random)
    }

    private func generator(_ index: Int) -> SeededGenerator {
        var generator = SeededGenerator(seed: seed &* 0x1_0000_0001_B3 &+ UInt64(index))
        // The first states for neighbouring inputs lie close together, so the generator takes one step first.
        return SeededGenerator(seed: generator.next())
    }

    func input(_ index: Int) -> (target: Target, bytes: [UInt8]) {
        var mutator = Mutator(random: generator(index))
        let target = target(using: &mutator.random)
        if target == .png, Int.random(in: 0..<4, using: &mutator.random) == 0 {
            let made = mutator.madePNG()
            return (
                target, Bool.random(using: &mutator.random) ? made : withRightChecksums(mutator.mutated(made, with: []))
            )
        }
        let files = seeds.files(for: target)
        guard let file = files.randomElement(using: &mutator.random),
            let other = files.randomElement(using: &mutator.random)
        else { return (target, []) }
        if target == .requests || target == .connection {
            // Requests follow one another, and some are unchanged.
            let isWhole = Int.random(in: 0..<3, using: &mutator.random) == 0
            return (
                target, isWhole ? file + other : mutator.mutated(file + other, with: file, words: target.insertions)
            )
        }
        if target.isConversation { return (target, mutator.mutatedFrames(file, with: other)) }
        let bytes = mutator.mutated(file, with: other, words: target.insertions)
        let isPNG = target == .png && Int.random(in: 0..<4, using: &mutator.random) > 0
        return (target, isPNG ? withRightChecksums(bytes) : bytes)
    }
    private func target(using random: inout SeededGenerator) -> Target {
        var place = Int.random(in: 0..<Target.allCases.reduce(0) { $0 + $1.weight }, using: &random)
        for target in Target.allCases {
            place -= target.weight
            if place < 0 { return target }
        }
        preconditionFailure("the place must be below the sum of the weights")
    }
}
