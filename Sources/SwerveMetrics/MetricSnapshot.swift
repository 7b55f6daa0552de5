/// The values of a histogram.
package struct MetricDistribution: Hashable, Sendable {
    package var bounds: [Double]
    /// One for each bucket, and not what is in those before it; one more than there are bounds.
    package var counts: [UInt64]
    package var sum: Double
    package var exemplars: [MetricExemplar]

    package init(bounds: [Double], counts: [UInt64], sum: Double, exemplars: [MetricExemplar] = []) {
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
        self.exemplars = exemplars
    }

    package var count: UInt64 { counts.reduce(0, &+) }

    /// Adds another one with the same bounds; has no effect for others.
    mutating func add(_ other: MetricDistribution) {
        guard bounds == other.bounds else { return }
        for index in counts.indices { counts[index] &+= other.counts[index] }
        sum += other.sum
        let known = Set(exemplars.map(\.bucket))
        exemplars += other.exemplars.filter { !known.contains($0.bucket) }
    }
}

/// The value of a series.
package enum MetricValue: Hashable, Sendable {
    case number(Double)
    case histogram(MetricDistribution)

    package var number: Double {
        switch self {
        case .number(let number): number
        case .histogram(let distribution): Double(distribution.count)
        }
    }
}

/// The values of many series at one moment: those of several processes, added up where name and labels are the same.
package struct MetricSnapshot: Sendable {
    package struct Family: Sendable {
        package let kind: MetricKind
        package fileprivate(set) var series: [[MetricLabel]: MetricValue] = [:]
    }
    /// By name.
    package private(set) var families: [String: Family] = [:]
    package private(set) var seriesCount = 0

    package init() {}

    /// Adds to the series, or makes it. A metric whose name has another kind is left out.
    ///
    /// - Parameter labels: sorted by name.
    package mutating func add(_ value: MetricValue, _ kind: MetricKind, _ name: String, _ labels: [MetricLabel]) {
        var family = families.removeValue(forKey: name) ?? Family(kind: kind)
        defer { families[name] = family }
        guard family.kind == kind else { return }
        switch (family.series[labels], value) {
        case (nil, _):
            family.series[labels] = value
            seriesCount += 1
        case (.number(let old), .number(let new)): family.series[labels] = .number(old + new)
        case (.histogram(var old), .histogram(let new)):
            family.series[labels] = nil
            old.add(new)
            family.series[labels] = .histogram(old)
        default: break
        }
    }

    package mutating func gauge(_ name: String, _ labels: [MetricLabel], _ value: Double) {
        add(.number(value), .gauge, name, labels.sorted())
    }

    package mutating func add(_ other: MetricSnapshot) {
        for (name, family) in other.families {
            for (labels, value) in family.series { add(value, family.kind, name, labels) }
        }
    }

    /// The value of a series; `nil` if there is none.
    package subscript(name: String, labels: [MetricLabel]) -> MetricValue? { families[name]?.series[labels.sorted()] }

    /// The sum of a family's series that have these labels, among others. Histograms count as the number of their values.
    package func sum(of name: String, where labels: [MetricLabel] = []) -> Double {
        (families[name]?.series ?? [:]).reduce(0) { sum, series in
            labels.allSatisfy { series.key.contains($0) } ? sum + series.value.number : sum
        }
    }
}
