package import SwerveCore

/// A process that calls replicas, and so has a load to report.
package enum LoadSource: Hashable, Sendable {
    /// The instance's own process, with the loads that its proxy processes report to it.
    case instance
    /// The process of a replica, which calls other deployments. Its load goes when the replica is gone.
    case replica(ReplicaID)
}

/// The load of one deployment over time: for each calling process a step function, known from its reports.
///
/// What a process reported holds until its next report. Before its first report, its load was zero. A process that is
/// gone drops out with its past.
package struct LoadSeries: Hashable, Sendable {
    private struct Step: Hashable, Sendable {
        var since: MonotonicTime
        var load: Load
    }

    /// Each sorted by time.
    private var series: [LoadSource: [Step]] = [:]
    /// When the load last changed.
    package private(set) var lastChange: MonotonicTime?

    /// A process keeps at most about this many steps within the look-back. Reports that come faster replace each other.
    package static let maximumSteps = 512
    /// Larger numbers are cut: no process can have so many requests.
    private static let maximumRequests = 1 << 40

    package init() {}

    package mutating func record(_ load: Load, of source: LoadSource, now: MonotonicTime, lookBack: Duration) {
        func cut(_ number: Int) -> Int { min(max(number, 0), Self.maximumRequests) }
        let load = Load(queued: cut(load.queued), ongoing: cut(load.ongoing))
        var steps = series[source] ?? []
        if steps.last?.load == load || (steps.isEmpty && load.total == 0) { return }
        lastChange = now
        let start = now - lookBack
        // The step in force at the start of the window is needed; those before it are not.
        if let first = steps.lastIndex(where: { $0.since <= start }) { steps.removeFirst(first) }
        if let last = steps.last, now - last.since < lookBack / Self.maximumSteps || now <= last.since {
            steps[steps.count - 1].load = load
        } else {
            steps.append(Step(since: now, load: load))
        }
        series[source] = steps
    }

    package mutating func forget(_ source: LoadSource, now: MonotonicTime) {
        if series.removeValue(forKey: source) != nil { lastChange = now }
    }

    /// Forgets the processes without load within the window.
    package mutating func prune(lookBack: Duration, now: MonotonicTime) {
        let start = now - lookBack
        series = series.filter { _, steps in
            guard let last = steps.last else { return false }
            return last.load.total > 0 || last.since > start
        }
    }

    /// The present load of all processes.
    package var current: Load {
        series.values.reduce(into: Load()) { sum, steps in
            guard let last = steps.last?.load else { return }
            sum.queued += last.queued
            sum.ongoing += last.ongoing
        }
    }

    /// The load of all processes over the last `lookBack`, as one number.
    package func aggregate(
        _ aggregation: Autoscaling.Aggregation,
        over lookBack: Duration,
        now: MonotonicTime
    ) -> Double {
        guard lookBack > .zero else { return Double(current.total) }
        let start = now - lookBack
        var changes: [(time: MonotonicTime, difference: Int)] = []
        for steps in series.values {
            var before = 0
            for step in steps {
                changes.append((max(step.since, start), step.load.total - before))
                before = step.load.total
            }
        }
        changes.sort { $0.time < $1.time }
        var sum = 0
        var area = 0.0
        var extreme: (least: Int, most: Int)?
        var time = start
        func note(until next: MonotonicTime) {
            guard next > time else { return }
            area += Double(sum) * (next - time).seconds
            extreme = (min(extreme?.least ?? sum, sum), max(extreme?.most ?? sum, sum))
            time = next
        }
        for change in changes {
            note(until: min(change.time, now))
            sum += change.difference
        }
        note(until: now)
        return switch aggregation.kind {
        case .mean: area / lookBack.seconds
        case .max: Double(max(extreme?.most ?? sum, sum))
        case .min: Double(min(extreme?.least ?? sum, sum))
        }
    }

    /// Whether the load was the same for the whole of the last `lookBack`, so that time alone changes nothing.
    package func isSteady(lookBack: Duration, now: MonotonicTime) -> Bool {
        lastChange.map { $0 + lookBack <= now } ?? true
    }
}

extension MonotonicTime {
    static func - (time: MonotonicTime, duration: Duration) -> MonotonicTime { time + (.zero - duration) }
}
