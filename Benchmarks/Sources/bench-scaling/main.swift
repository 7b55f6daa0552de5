import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// Measures how an instance follows its load: from a step of the load to the second replica, from nothing to the first
// answer, what a thousand idle replicas cost, and how long an instance is without a controller. Prints one JSON object per measurement and repetition.
//
//   bench-scaling [SECONDS [REPETITIONS [NAME ...]]]   all measurements, or the named ones

let arguments = CommandLine.arguments
let seconds = arguments.count > 1 ? Double(arguments[1]) ?? 2 : 2
let repetitions = arguments.count > 2 ? Int(arguments[2]) ?? 3 : 3
let names = Set(arguments.dropFirst(3))
try await ScalingBenchmark(seconds: seconds, repetitions: repetitions, names: names).run()

/// Takes a while for each request, and as long as it is told for its start.
@Deployment
distributed actor Worker {
    init(startMilliseconds: Int) async throws {
        try await Task.sleep(for: .milliseconds(startMilliseconds))
    }

    /// The process that worked.
    distributed func work(milliseconds: Int) async throws -> Int32 {
        try await Task.sleep(for: .milliseconds(milliseconds))
        return getpid()
    }
}

struct ScalingBenchmark {
    let seconds: Double
    let repetitions: Int
    let names: Set<String>
    private let clock = ContinuousClock()

    /// Runs off the main actor, whose executor would be part of every call.
    @concurrent func run() async throws {
        for repetition in 1...repetitions {
            try await report("scale_up", "ms", try await scaleUp("up-\(repetition)"))
            try await report("scale_from_zero", "ms", try await scaleFromZero("zero-\(repetition)"))
        }
        for repetition in 1...repetitions { try await rollout("rollout-\(repetition)") }
        try await idle()
        await Serve.shutdown()
        try await controllerGap()
    }

    private func report(
        _ name: String,
        _ unit: String,
        _ measure: @autoclosure () async throws -> Double
    ) async throws {
        guard names.isEmpty || names.contains(name) else { return }
        let value = try await measure()
        print(#"{"name": "\#(name)", "unit": "\#(unit)", "value": \#(value)}"#)
    }

    /// From the start of ten clients to the first answer of a second replica, with the default options.
    private func scaleUp(_ name: String) async throws -> Double {
        let worker = try await Serve.run(
            Worker.options(autoscaling: Autoscaling(maxReplicas: 2)).bind(startMilliseconds: 0),
            name: name,
            routePrefix: nil
        )
        let first = try await worker.work(milliseconds: 0)
        // The load of the first call must be out of the look-back.
        try await Task.sleep(for: .seconds(1))
        let start = clock.now
        let time = try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    while try await worker.work(milliseconds: 20) == first {}
                    return clock.now - start
                }
            }
            return try await group.reduce(.seconds(1000)) { min($0, $1) }
        }
        try await Serve.delete(name)
        return time.milliseconds
    }

    /// A call to a deployment without replicas, beyond the time of its initialiser.
    private func scaleFromZero(_ name: String) async throws -> Double {
        let initialiser = 300
        let worker = try await Serve.run(
            Worker.options(autoscaling: Autoscaling(minReplicas: 0)).bind(startMilliseconds: initialiser),
            name: name,
            routePrefix: nil
        )
        let start = clock.now
        _ = try await worker.work(milliseconds: 0)
        let time = clock.now - start
        try await Serve.delete(name)
        return time.milliseconds - Double(initialiser)
    }

    /// A rollout of ten replicas under load: how long it takes, and how many calls it costs.
    private func rollout(_ name: String) async throws {
        guard names.isEmpty || names.contains("rollout_10") else { return }
        func bound(_ version: Int) -> Worker {
            Worker.options(numReplicas: 10, maxOngoingRequests: 4).bind(startMilliseconds: version)
        }
        let worker = try await Serve.run(bound(0), name: name, routePrefix: nil)
        let (time, lost) = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    var lost = 0
                    while !Task.isCancelled {
                        do {
                            _ = try await worker.work(milliseconds: 2)
                        } catch is CancellationError {
                        } catch {
                            lost += 1
                        }
                    }
                    return lost
                }
            }
            try await Task.sleep(for: .milliseconds(200))
            let start = clock.now
            try await Serve.run(bound(1), name: name, routePrefix: nil)
            let time = clock.now - start
            // The old replicas finish their requests.
            try await Task.sleep(for: .milliseconds(500))
            group.cancelAll()
            return (time, try await group.reduce(0, +))
        }
        try await report("rollout_10", "ms", time.milliseconds)
        print(#"{"name": "rollout_10.lost", "unit": "calls", "value": \#(lost)}"#)
        try await Serve.delete(name)
    }

    /// The processor time of this process with a thousand idle autoscaled replicas, in per cent of a core.
    private func idle() async throws {
        guard names.isEmpty || names.contains("controller_idle_cpu_1000") else { return }
        for number in 0..<10 {
            let scaling = Autoscaling(minReplicas: 100)
            try await Serve.run(
                Worker.options(autoscaling: scaling, placement: .inProcess).bind(startMilliseconds: 0),
                name: "idle-\(number)",
                routePrefix: nil
            )
        }
        try await Task.sleep(for: .seconds(3))
        for _ in 0..<repetitions {
            let (start, before) = (clock.now, processorTime())
            // Health checks come every ten seconds; a whole period has all of them.
            try await Task.sleep(for: .seconds(max(10, seconds)))
            let share = (processorTime() - before) / (clock.now - start).inSeconds * 100
            try await report("controller_idle_cpu_1000", "% of a core", share)
        }
    }

    /// From SIGKILL of a separate controller until the next one has stored a change.
    private func controllerGap() async throws {
        guard names.isEmpty || names.contains("controller_gap") else { return }
        var options = ServeOptions(port: 0)
        options.controller = .separate
        let instance = ServeInstance(options)
        try await instance.run(Worker.bind(startMilliseconds: 0), name: "gap", routePrefix: nil)
        for repetition in 1...repetitions {
            // One that lasted this long is replaced at once, as it would be in operation.
            try await Task.sleep(for: .seconds(11))
            guard let controller = await instance.controllerProcessID else { continue }
            let start = clock.now
            kill(controller, SIGKILL)
            try await instance.scale("Worker", application: "gap", to: 1 + repetition % 2)
            try await report("controller_gap", "ms", (clock.now - start).milliseconds)
        }
        await instance.shutdown()
    }

    /// Of this process so far, in seconds.
    private func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
    fileprivate var milliseconds: Double { inSeconds * 1e3 }
}
