import NIOPosix
import Swerve

// Measures calls through handles and their baselines: messages of the same size over a Unix socket between two
// processes, and calls of a plain actor. Prints one JSON object per measurement and repetition.
//
//   bench-handles [SECONDS [REPETITIONS [NAME ...]]]   all measurements, or the named ones
//   bench-handles calls COUNT REPETITIONS              COUNT calls for each line of the input, for external counters
//   bench-handles routing SECONDS REPETITIONS          ways to choose a replica, each beside the default
//   bench-handles raw PATH                             the other process of the raw baseline; the first form starts it

let arguments = CommandLine.arguments
if arguments.count > 2, arguments[1] == "raw" {
    try await RawServer.run(at: arguments[2])
} else if arguments.count > 3, arguments[1] == "calls" {
    try await CountedCalls(count: Int(arguments[2]) ?? 1, repetitions: Int(arguments[3]) ?? 1).run()
} else if arguments.count > 3, arguments[1] == "routing" {
    try await RoutedCalls(duration: .seconds(Double(arguments[2]) ?? 1), repetitions: Int(arguments[3]) ?? 5).run()
} else {
    let seconds = arguments.count > 1 ? Double(arguments[1]) ?? 2 : 2
    let repetitions = arguments.count > 2 ? Int(arguments[2]) ?? 3 : 3
    let names = Set(arguments.dropFirst(3))
    try await HandleBenchmark(duration: .seconds(seconds), repetitions: repetitions, names: names).run()
}
