import NIOCore
import NIOPosix
import Swerve

/// Makes the measurements, interleaved: each repetition makes every measurement once.
struct HandleBenchmark {
    /// The size of an argument and of a result, in bytes.
    static let payloadBytes = 200
    private static let outstanding = 100

    let duration: Duration
    let repetitions: Int
    /// The measurements to make; empty means all.
    let names: Set<String>
    private let clock = ContinuousClock()
    private let payload = String(repeating: "x", count: payloadBytes)

    init(duration: Duration, repetitions: Int, names: Set<String>) {
        self.duration = duration
        self.repetitions = repetitions
        self.names = names
    }

    /// Runs off the main actor, whose executor would be part of every call.
    @concurrent func run() async throws {
        let remote = try await Serve.run(
            Counter.options(maxOngoingRequests: 1000).bind(),
            name: "remote",
            routePrefix: nil
        )
        let local = try await Serve.run(
            Counter.options(maxOngoingRequests: 1000, placement: .inProcess).bind(),
            name: "local",
            routePrefix: nil
        )
        let tokens = try await Serve.run(Tokens.bind(), name: "tokens", routePrefix: nil)
        let plain = PlainCounter()
        let raw = try await RawPeer.start(on: MultiThreadedEventLoopGroup.singleton)
        try await Serve.run(Counter.bind(), name: "scaled", routePrefix: nil)
        _ = try await remoteLatency(remote, for: .milliseconds(300))
        for repetition in 1...repetitions {
            try await report(
                "handle_call_p50.process",
                "us",
                try await remoteLatency(remote, for: duration),
                baseline: try await raw.exchange(outstanding: 1, for: duration).median.microseconds
            )
            try await report(
                "handle_calls_100.process",
                "calls/s",
                try await remoteThroughput(remote),
                baseline: try await raw.exchange(outstanding: Self.outstanding, for: duration).perSecond
            )
            try await report(
                "stream_items.handle",
                "items/s",
                try await streamed(tokens),
                baseline: await plainStreamed()
            )
            try await report(
                "stream_first_item.handle",
                "us",
                try await firstItem(tokens),
                baseline: try await raw.exchange(outstanding: 1, for: duration).median.microseconds
            )
            try await report(
                "handle_call.inprocess",
                "ns",
                try await localCall(local),
                baseline: await plainCall(plain)
            )
            try await report(
                "add_replica",
                "ms",
                try await addReplica(making: repetition + 1),
                baseline: try await addProcess()
            )
        }
        try await raw.stop()
        await Serve.shutdown()
    }

    private func report(
        _ name: String,
        _ unit: String,
        _ measure: @autoclosure () async throws -> Double,
        baseline measureBaseline: @autoclosure () async throws -> Double
    ) async throws {
        guard names.isEmpty || names.contains(name) else { return }
        let baseline = try await measureBaseline()
        let value = try await measure()
        print(#"{"name": "\#(name)", "unit": "\#(unit)", "value": \#(value), "baseline": \#(baseline)}"#)
    }

    // MARK: Calls to another process

    /// The median time of calls made one after another.
    private func remoteLatency(_ counter: Counter, for duration: Duration) async throws -> Double {
        var times: [Duration] = []
        let deadline = clock.now + duration
        var start = clock.now
        while start < deadline {
            _ = try await counter.echo(payload)
            let end = clock.now
            times.append(end - start)
            start = end
        }
        return median(of: times).microseconds
    }

    /// The calls per second of several tasks, each with one outstanding call.
    private func remoteThroughput(_ counter: Counter) async throws -> Double {
        let start = clock.now
        let deadline = start + duration
        let calls = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<Self.outstanding {
                group.addTask {
                    var calls = 0
                    while clock.now < deadline {
                        _ = try await counter.echo(payload)
                        calls += 1
                    }
                    return calls
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(calls) / (clock.now - start).inSeconds
    }

    // MARK: Streams from another process

    private static let streamedItems = 200_000

    private func streamed(_ tokens: Tokens) async throws -> Double {
        let start = clock.now
        var items = 0
        while clock.now - start < duration {
            for try await _ in try await tokens.count(to: Self.streamedItems) { items += 1 }
        }
        return Double(items) / (clock.now - start).inSeconds
    }

    private func plainStreamed() async -> Double {
        let start = clock.now
        var items = 0
        while clock.now - start < duration {
            for await _ in Tokens.plain(to: Self.streamedItems) { items += 1 }
        }
        return Double(items) / (clock.now - start).inSeconds
    }

    /// The median time from the call to the first element.
    private func firstItem(_ tokens: Tokens) async throws -> Double {
        var times: [Duration] = []
        let deadline = clock.now + duration
        while clock.now < deadline {
            let start = clock.now
            for try await _ in try await tokens.count(to: 1) { times.append(clock.now - start) }
        }
        return median(of: times).microseconds
    }

    // MARK: Calls within the process

    private func localCall(_ counter: Counter) async throws -> Double {
        let start = clock.now
        var calls = 0
        while clock.now - start < duration {
            for _ in 0..<1000 { _ = try await counter.add(1) }
            calls += 1000
        }
        return (clock.now - start).inSeconds * 1e9 / Double(calls)
    }

    private func plainCall(_ counter: PlainCounter) async -> Double {
        let start = clock.now
        var calls = 0
        while clock.now - start < duration {
            for _ in 0..<1000 { _ = await counter.add(1) }
            calls += 1000
        }
        return (clock.now - start).inSeconds * 1e9 / Double(calls)
    }

    // MARK: Processes

    /// The time to run the application with one more replica, in milliseconds.
    private func addReplica(making replicas: Int) async throws -> Double {
        let start = clock.now
        try await Serve.run(Counter.options(numReplicas: replicas).bind(), name: "scaled", routePrefix: nil)
        return (clock.now - start).inSeconds * 1e3
    }

    /// The time to start a process of this executable, connect to it and exchange one message, in milliseconds.
    private func addProcess() async throws -> Double {
        let start = clock.now
        let peer = try await RawPeer.start(on: MultiThreadedEventLoopGroup.singleton)
        _ = try await peer.exchange(outstanding: 1, for: .zero)
        let time = (clock.now - start).inSeconds * 1e3
        try await peer.stop()
        return time
    }
}

func median(of times: [Duration]) -> Duration {
    times.isEmpty ? .zero : times.sorted()[times.count / 2]
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
    var microseconds: Double { inSeconds * 1e6 }
}
