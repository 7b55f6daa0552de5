internal import NIOCore
internal import SwerveController
internal import SwerveCore
internal import SwerveMetrics
internal import SwerveSystem
internal import Synchronization

/// The metrics of an instance while it runs: the collector, and the time series that a task fills each second.
final class InstanceMetrics: Sendable {
    let collector: MetricsCollector
    private let clock: any EventLoop
    private let series = Mutex(TimeSeries())
    private let status = Mutex(ServeStatus(applications: [:]))

    init(_ collector: MetricsCollector, clock: any EventLoop) {
        self.collector = collector
        self.clock = clock
    }

    /// Takes a reading each second, until the task is cancelled.
    @concurrent func watch(_ controller: any ControllerAccess) async {
        // Not asked for each second: most of the time it is as it was.
        let (updates, watcher) = AsyncStream.makeStream(of: ServeStatus.self, bufferingPolicy: .bufferingNewest(1))
        controller.watch(watcher)
        await withDiscardingTaskGroup { group in
            group.addTask { for await status in updates { self.status.withLock { $0 = status } } }
            await readEachSecond()
            group.cancelAll()
        }
    }

    private func readEachSecond() async {
        let clock = LoopClock(clock)
        let start = clock.now
        // The wall clock may be set while the instance runs; the points go on from where they began.
        let second = Int64(WallClock.seconds)
        repeat {
            let snapshot = collector.snapshot { TimeSeries.metrics.contains($0.name) }
            let readings = TimeSeries.readings(snapshot, status.withLock { $0 })
            let passed = start.duration(to: clock.now).components.seconds
            series.withLock { $0.add(readings, at: second + passed) }
        } while (try? await clock.sleep(for: .seconds(1))) != nil
    }

    /// The series of the last hour as JSON; see ``TimeSeries/json``.
    var seriesJSON: String { series.withLock { $0 }.json }

    /// All metrics in a text format.
    func text(_ format: MetricsEncoder.Format, _ status: ServeStatus, _ proxies: [ProxyStatus], isListening: Bool)
        -> String
    {
        var snapshot = collector.snapshot()
        snapshot.add(status)
        snapshot.add(proxies, isListening: isListening)
        addProcesses(status, proxies, to: &snapshot)
        for metrics in UserMetrics.ofThisProcess { metrics.read(into: &snapshot) }
        return MetricsEncoder.encode(snapshot, as: format, help: MetricCatalog.help)
    }

    private func addProcesses(_ status: ServeStatus, _ proxies: [ProxyStatus], to snapshot: inout MetricSnapshot) {
        func add(_ process: Int32, _ labels: [MetricLabel]) {
            let labels = labels.sorted()
            if let time = ProcessTime.used(by: process) {
                snapshot.add(.number(time.seconds), .counter, "swerve_process_cpu_seconds", labels)
            }
            if let bytes = ProcessMemory.resident(of: process) {
                snapshot.gauge("swerve_process_resident_memory_bytes", labels, Double(bytes))
            }
        }
        add(ThisProcess.id, [MetricLabel("process", "main")])
        for proxy in proxies {
            guard let process = proxy.processID else { continue }
            add(process, [MetricLabel("process", "proxy"), MetricLabel("proxy", "\(proxy.number)")])
        }
        for application in status.applications.values {
            for replica in application.deployments.values.flatMap(\.replicas) {
                guard let process = replica.processID, process != ThisProcess.id else { continue }
                add(process, replica.id.labels + [MetricLabel("process", "replica")])
            }
        }
    }
}
