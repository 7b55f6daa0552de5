import MiddleSimulation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// Runs histories of the real proxy, pools, connections, replicas and controller over simulated sockets and a simulated
// clock: `make simulate SEEDS=100000 FIRST_SEED=0`. With a single seed it prints the events of the history. With
// SWERVE_STRIDE=5 only every fifth seed is used.
func number(_ name: String, _ otherwise: UInt64) -> UInt64 {
    getenv(name).flatMap { UInt64(String(cString: $0)) } ?? otherwise
}

let count = number("SWERVE_SEEDS", 1000)
let first = number("SWERVE_FIRST_SEED", 0)
var failures = 0
let stride = number("SWERVE_STRIDE", 1)
for seed in Swift.stride(from: first, to: first + count * stride, by: Int(stride)) {
    do {
        try Scenario.run(seed: seed, prints: count == 1)
    } catch {
        print(error)
        failures += 1
        if failures == 5 { break }
    }
    if (seed - first + 1) % 10_000 == 0 { print("\(seed - first + 1) histories") }
}
let counts = Scenario.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
print(counts.joined(separator: ", "))
if Scenario.worlds > 0 { print("\(Scenario.worlds) worlds leak") }
print(failures == 0 ? "\(count) histories from seed \(first): ok" : "\(failures) histories failed")
exit(failures == 0 ? 0 : 1)
