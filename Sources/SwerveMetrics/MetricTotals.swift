/// What processes counted that have ended, so that it is not lost.
///
/// Series without the label `replica` go on as they were: what the process had counted is added to what others count. The
/// series of a replica stay for ``linger`` after its end, so that the next scrape still gets their last values. Then they
/// are added, without that label, to series of their own, whose names begin with `swerve_ended_`: adding them to those of
/// living replicas would look like sudden requests. Gauges end with their process.
package struct MetricTotals: Sendable {
    /// How long the series of an ended replica stay: 2 minutes.
    package static let linger = Duration.seconds(120)
    /// How many ended replicas are kept that long; 64. The oldest of more go before their time.
    package static let maximumLingering = 64
    /// How many series there are for ended processes; 4096. What further ones had counted is lost.
    package static let maximumSeries = 4096

    private var shared = MetricSnapshot()
    private var ended = MetricSnapshot()
    private var lingering: [(snapshot: MetricSnapshot, until: Duration)] = []
    /// How many series found no room.
    package private(set) var lost = 0

    package init() {}

    /// A process has ended.
    ///
    /// - Parameter now: the time since any fixed moment.
    package mutating func add(_ snapshot: MetricSnapshot, now: Duration) {
        var replicas = MetricSnapshot()
        for (name, family) in snapshot.families where family.kind != .gauge {
            for (labels, value) in family.series {
                if labels.contains(where: { $0.name == "replica" }) {
                    replicas.add(value.withoutExemplars, family.kind, name, labels)
                } else {
                    keep(value.withoutExemplars, family.kind, name, labels, in: \.shared)
                }
            }
        }
        if replicas.seriesCount > 0 { lingering.append((replicas, now + Self.linger)) }
        while lingering.count > Self.maximumLingering { fold(lingering.removeFirst().snapshot) }
    }

    /// Adds what ended processes counted.
    package mutating func read(into snapshot: inout MetricSnapshot, now: Duration) {
        while let first = lingering.first, first.until <= now { fold(lingering.removeFirst().snapshot) }
        snapshot.add(shared)
        snapshot.add(ended)
        for replica in lingering { snapshot.add(replica.snapshot) }
    }

    private mutating func fold(_ snapshot: MetricSnapshot) {
        for (name, family) in snapshot.families {
            for (labels, value) in family.series {
                keep(value, family.kind, Self.name(of: name), labels.filter { $0.name != "replica" }, in: \.ended)
            }
        }
    }

    /// The name under which the metrics of ended replicas are added up.
    package static func name(of metric: String) -> String {
        "swerve_ended_" + (metric.hasPrefix("ray_serve_") ? String(metric.dropFirst(10)) : metric)
    }

    private mutating func keep(
        _ value: MetricValue,
        _ kind: MetricKind,
        _ name: String,
        _ labels: [MetricLabel],
        in place: WritableKeyPath<MetricTotals, MetricSnapshot>
    ) {
        let isKnown = self[keyPath: place][name, labels] != nil
        guard isKnown || shared.seriesCount + ended.seriesCount < Self.maximumSeries else {
            lost += 1
            return
        }
        self[keyPath: place].add(value, kind, name, labels)
    }
}

extension MetricValue {
    fileprivate var withoutExemplars: MetricValue {
        guard case .histogram(var distribution) = self else { return self }
        distribution.exemplars = []
        return .histogram(distribution)
    }
}
