internal import NIOCore
internal import SwerveCore
internal import SwerveMetrics
internal import SwerveSystem
internal import Synchronization

/// Adds up what all processes of an instance count, those that have ended included.
final class MetricsCollector: Sendable {
    private let own: ProcessMetrics
    private let directory: String
    private let clock: any EventLoop
    private let state = Mutex(State())

    private struct State {
        /// By path.
        var readers: [String: MetricReader] = [:]
        /// The files of processes that have ended, until they are removed.
        var ended: Set<String> = []
        var totals = MetricTotals()
    }

    /// - Parameters:
    ///   - own: what the instance's process counts.
    ///   - directory: where the files of the others are.
    init(_ own: ProcessMetrics, directory: String, clock: any EventLoop) {
        self.own = own
        self.directory = directory
        self.clock = clock
    }

    /// A process has ended; its file is still there. What it counted is kept.
    func ended(_ path: String) {
        state.withLock { state in
            guard state.ended.insert(path).inserted else { return }
            guard var reader = state.readers.removeValue(forKey: path) ?? MetricFiles.read(path) else { return }
            var snapshot = MetricSnapshot()
            reader.read(into: &snapshot)
            state.totals.add(snapshot, now: now)
        }
    }

    /// What has been counted so far.
    func snapshot(where isWanted: (MetricDefinition) -> Bool = { _ in true }) -> MetricSnapshot {
        var snapshot = MetricSnapshot()
        state.withLock { state in
            for ended in own.takeEnded() { state.totals.add(ended, now: now) }
            own.read(into: &snapshot, where: isWanted)
            find(&state)
            var refused = UInt64(state.totals.lost)
            for path in state.readers.keys {
                state.readers[path]?.read(into: &snapshot, where: isWanted)
                refused += state.readers[path]?.refused ?? 0
            }
            snapshot.add(.number(Double(refused)), .counter, "swerve_metrics_refused", [])
            state.totals.read(into: &snapshot, now: now)
        }
        return snapshot
    }

    /// Opens the files of new processes.
    private func find(_ state: inout State) {
        let names = FileSystem.names(in: directory).filter { $0.hasSuffix(MetricFiles.ending) }
        let paths = Set(names.map { "\(directory)/\($0)" })
        state.ended.formIntersection(paths)
        for path in paths where state.readers[path] == nil && !state.ended.contains(path) {
            state.readers[path] = MetricFiles.read(path)
        }
    }

    private var now: Duration { .nanoseconds(Int64(clamping: clock.now.uptimeNanoseconds)) }
}
