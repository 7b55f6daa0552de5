import NIOCore
import SwerveCore
import SwerveMetrics
import Synchronization
import TestSupport
import Testing

@testable import SwerveActors

/// What a process counts of its calls by handle, by who makes them.
@Suite struct CallMetricsTests {
    private static let callee = DeploymentID(application: "a", deployment: "Callee")
    private static let replica = ReplicaID(deployment: DeploymentID(application: "a", deployment: "B"), number: 1)
    private let metrics = ProcessMetrics()
    private let loop = ManualLoop()

    private func labels(_ caller: String) -> [MetricLabel] { Self.callee.labels + [MetricLabel("caller", caller)] }

    private var snapshot: MetricSnapshot {
        var snapshot = MetricSnapshot()
        metrics.read(into: &snapshot)
        return snapshot
    }

    private func latency(_ caller: String) -> MetricDistribution? {
        guard case .histogram(let distribution) = snapshot["swerve_handle_latency_ms", labels(caller)] else {
            return nil
        }
        return distribution
    }

    private func errors(_ caller: String) -> MetricValue? { snapshot["swerve_handle_error_counter", labels(caller)] }

    private var now: UInt64 { loop.now.uptimeNanoseconds }

    @Test func `a call counts with its time, and as an error if it fails`() {
        let calls = CallTable(Self.callee, metrics).current
        let begun = now
        loop.advance(by: .milliseconds(3))
        calls.answered(.void, since: begun, loop)
        loop.advance(by: .milliseconds(4))
        calls.failed(ServeError(.queueFull, "full"), since: begun, loop)
        #expect(latency("main")?.count == 2)
        #expect(latency("main")?.sum == 10)
        #expect(errors("main") == .number(1))
    }

    @Test func `a call that its caller has cancelled is no error, but one that was cancelled elsewhere is`() async {
        let calls = CallTable(Self.callee, metrics).current
        let begun = now
        let loop = self.loop
        calls.failed(CancellationError(), since: begun, loop)
        await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            calls.failed(CancellationError(), since: begun, loop)
        }.value
        #expect(latency("main")?.count == 2)
        #expect(errors("main") == .number(1))
    }

    @Test func `a call whose result is a stream ends with the stream`() {
        let calls = CallTable(Self.callee, metrics).current
        let stream = ResponseStream([1, 2, 3])
        let begun = now
        calls.answered(.stream(StreamedResult(stream)), since: begun, loop)
        #expect(latency("main")?.count == 0)
        loop.advance(by: .milliseconds(7))
        stream.open.abandon()
        #expect(latency("main")?.sum == 7)
    }

    @Test func `a call whose stream breaks off is an error, once`() {
        let calls = CallTable(Self.callee, metrics).current
        let stream = ResponseStream([1, 2, 3])
        calls.answered(.stream(StreamedResult(stream)), since: now, loop)
        stream.open.fail(ServeError(.deadlineExceeded, "late"))
        stream.open.fail(ServeError(.deadlineExceeded, "later"))
        stream.open.abandon()
        #expect(latency("main")?.count == 1)
        #expect(errors("main") == .number(1))
        // Also if it is over before it is counted.
        calls.answered(.stream(StreamedResult(stream)), since: now, loop)
        #expect(errors("main") == .number(2))
    }

    @Test func `a stream whose reader wants no more is no error`() {
        let calls = CallTable(Self.callee, metrics).current
        let ends: [@Sendable (any OpenStream) -> Void] = [{ $0.abandon() }, { $0.fail(CancellationError()) }]
        for end in ends {
            let stream = ResponseStream([1, 2, 3])
            calls.answered(.stream(StreamedResult(stream)), since: now, loop)
            end(stream.open)
            stream.open.fail(ServeError(.deadlineExceeded, "late"))
        }
        #expect(latency("main")?.count == 2)
        #expect(errors("main") == .number(0))
    }

    @Test func `the caller is the deployment whose code runs where a process hosts several replicas`() async {
        let table = CallTable(Self.callee, metrics)
        let working = WorkingReplica(Self.replica, in: metrics)
        #expect(table.current.caller.name == "main")
        await WorkingReplica.with(working) {
            #expect(table.current.caller.name == "a/B")
            await WorkingReplica.with(nil) { #expect(table.current.caller.name == "main") }
        }
        // Another replica of the deployment is the same caller.
        let other = WorkingReplica(ReplicaID(deployment: Self.replica.deployment, number: 2), in: metrics)
        await WorkingReplica.with(other) { #expect(table.current === table.of(working.caller)) }
    }

    @Test func `a caller without calls has no series`() {
        _ = CallTable(Self.callee, metrics)
        #expect(snapshot.families["swerve_handle_latency_ms"] == nil)
    }

    @Test func `callers beyond the limit count together`() {
        let table = CallTable(Self.callee, metrics)
        let callers = (0..<CallTable.maximumCallers + 10).map { MetricCaller("a/C\($0)") }
        for caller in callers { table.of(caller).answered(.void, since: now, loop) }
        #expect(snapshot.families["swerve_handle_latency_ms"]?.series.count == CallTable.maximumCallers + 1)
        #expect(latency("overflow")?.count == 10)
        #expect(snapshot.sum(of: "swerve_handle_latency_ms") == Double(callers.count))
    }

    @Test func `threads that come at the same time find one series for each caller`() async {
        let table = CallTable(Self.callee, metrics)
        let callers = (0..<8).map { MetricCaller("a/C\($0)") }
        let found = await withTaskGroup(of: [ObjectIdentifier].self) { group in
            for start in 0..<16 {
                group.addTask {
                    let own = (0..<8).map { (start + $0) % 8 }
                    let calls = own.map { ($0, table.of(callers[$0])) }
                    return calls.sorted { $0.0 < $1.0 }.map { ObjectIdentifier($0.1) }
                }
            }
            return await group.reduce(into: Set<[ObjectIdentifier]>()) { $0.insert($1) }
        }
        #expect(found.count == 1)
        #expect(Set(found.first ?? []).count == 8)
    }
}
